//! The shared edge of REST: current user, bodies, pages, rate limits, request ids, problems.
