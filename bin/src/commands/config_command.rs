//! `merganser config check|show`.

use std::process::ExitCode;

use actors::venues::Venues;
use clap::{Args, Subcommand};
use config::{Scope, Settings};

use crate::http::access::{self, Token};

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
    /// Makes a token for the API, shown once, and the lines that let it in.
    #[command(after_help = "Example:\n  merganser config token grafana --scope read")]
    Token {
        /// Whose; stands in the ledger beside what is done with it.
        name: String,
        /// What it may do: read, trade or admin.
        #[arg(long, default_value = "read", value_parser = scope)]
        scope: Scope,
    },
    /// Prints the settings that would be used.
    #[command(after_help = "Example:\n  merganser config show --defaults")]
    Show {
        /// The defaults, with every key's unit and reason.
        #[arg(long)]
        defaults: bool,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    let known = [Scope::Read, Scope::Trade, Scope::Admin];
    known.into_iter().find(|scope| scope.to_string() == text).ok_or_else(|| "expected read, trade or admin".to_owned())
}

pub fn run(arguments: &Arguments, settings: &Settings, venues: &Venues) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Check => {
            let route = venues.route(settings.account.name, &settings.venues)?;
            let says = crate::venues::announcement(&settings.venues.orders_to, route.place(), settings.account.name);
            crate::output::line(format_args!("the settings are right; {says}"));
        }
        What::Show { defaults: true } => crate::output::text(config::DEFAULTS),
        What::Show { defaults: false } => crate::output::text(&settings.to_toml()),
        What::Token { name, scope } => {
            let Token { secret, hash } = access::make()?;
            let token = config::Token { name: name.clone(), scope: *scope, hash };
            token.check().map_err(anyhow::Error::msg)?;
            eprintln!("The token, which is kept nowhere:");
            crate::output::line(format_args!("{secret}"));
            eprintln!("\nTo let it in, add to the file that --config names:\n\n{}", token.to_toml());
        }
    }
    Ok(ExitCode::SUCCESS)
}
