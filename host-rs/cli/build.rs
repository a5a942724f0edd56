//! Builds the program again when the task board was built.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../examples/web/dist");
}
