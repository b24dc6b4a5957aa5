//! The binary: the library with the strategies that come with it.

fn main() -> std::process::ExitCode {
    merganser::App::new().main()
}
