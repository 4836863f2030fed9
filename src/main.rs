//! Parlor, the program.
fn main() {}
