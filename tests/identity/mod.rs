//! Accounts, sign-in and tokens over REST.
