//! The `crv` binary: it only calls [`crv_cli::run`].

fn main() {
    std::process::exit(crv_cli::run(std::env::args_os()));
}
