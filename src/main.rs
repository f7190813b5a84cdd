//! The `gatesim` binary; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    gatesim::main(std::env::args_os()).into()
}
