//! Jobs on a real database: done once, tried again, given up, sealed, drained, and by one node each period.

mod ends;
mod example;
mod outside;
mod periods;
mod regular;
mod sealing;
mod shares;
mod silence;
mod turns;
