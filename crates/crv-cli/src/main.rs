//! The `crv` binary: the library's [`crv_cli::run`] and nothing else.

fn main() {
    std::process::exit(crv_cli::run(std::env::args_os()));
}
