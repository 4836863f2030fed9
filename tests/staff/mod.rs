//! Roles, permissions, suspension, and what staff does, over REST and sockets of the real program.

mod audit;
mod jobs;
mod lists;
mod operator;
mod roles;
mod rooms;
mod suspension;
