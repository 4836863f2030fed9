//! Jobs on a real database: they are done once, retried, given up, sealed and drained, and each period is done by one node.

mod ends;
mod example;
mod outside;
mod periods;
mod regular;
mod sealing;
mod shares;
mod silence;
mod turns;
