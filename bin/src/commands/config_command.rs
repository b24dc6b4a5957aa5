//! `merganser config check|show`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use config::Settings;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser config check --config my.toml --set risk.max_open_orders=10")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Says whether the settings are right; they were read to get here.
    #[command(after_help = "Example:\n  merganser config check --config my.toml")]
    Check,
    /// Prints the settings that would be used.
    #[command(after_help = "Example:\n  merganser config show --defaults")]
    Show {
        /// The defaults, with every key's unit and reason.
        #[arg(long)]
        defaults: bool,
    },
}

pub fn run(arguments: &Arguments, settings: &Settings) -> ExitCode {
    match arguments.what {
        What::Check => crate::output::line(format_args!("the settings are right")),
        What::Show { defaults: true } => crate::output::text(config::DEFAULTS),
        What::Show { defaults: false } => crate::output::text(&settings.to_toml()),
    }
    ExitCode::SUCCESS
}
