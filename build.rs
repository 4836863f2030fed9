//! The migrations are compiled in: a changed one compiles the program anew.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
