//! Roles, permissions, suspensions and acts of the staff, over REST and sockets of the real program.

mod audit;
mod jobs;
mod lists;
mod operator;
mod roles;
mod rooms;
mod suspension;
