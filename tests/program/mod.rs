//! The program: its commands, its settings, its refusals.
