//! A socket's life: upgrade, connection, session, dispatch.
