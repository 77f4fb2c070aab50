"""The README's commands in Debians that hold only what it names: other Pythons, with a Rust toolchain and without."""
