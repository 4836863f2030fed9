//! Bad input at every frame and endpoint.
