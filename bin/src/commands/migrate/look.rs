//! Looks at a server and what would come over, and says what is in the way. Nothing is written there, and nothing here but
//! the mapping file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::clock::Clock;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use config::Settings;
use indicatif::ProgressBar;
use messages::{UtcNanos, caps};
use storage::migrate::mapping::{self, Checked, Mapping};
use storage::migrate::plan::Plan;
use storage::migrate::server;
use storage::migrate::trial::{self, Trial};
use storage::postgres::catalog::{self, Catalog};
use storage::postgres::{Server, Session};
use storage::query::Range;

use crate::commands::Common;
use crate::output;

/// What is looked at.
#[derive(Debug, Subcommand)]
pub enum Look {
    /// Proposes which tables and columns there become which of ours, and writes that into the mapping file.
    #[command(
        after_help = "Example:\n  merganser migrate timescale map --set timescale.url=postgres://me@127.0.0.1/market --set timescale.password_file=pw"
    )]
    Map,
    /// Looks at the server, its tables and the mapping file, and says what is in the way.
    #[command(after_help = "Example:\n  merganser migrate timescale check --config merganser.toml")]
    Check,
    /// Reads every row that the mapping names and keeps none: which values do not fit, and what the rest is together.
    #[command(
        after_help = "Example:\n  merganser migrate timescale try --table public.trades --from 2026-01-01 --to 2026-02-01"
    )]
    Try(Try),
}

#[derive(Debug, Args)]
pub struct Try {
    /// Only this table of theirs. May be given many times.
    #[arg(long = "table", value_name = "SCHEMA.TABLE")]
    tables: Vec<String>,
    /// The first instant of the range.
    #[arg(long)]
    from: Option<UtcNanos>,
    /// The first instant after it.
    #[arg(long)]
    to: Option<UtcNanos>,
}

/// Looks at the server and what would come over.
pub fn run(what: &Look, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    if let Look::Try(what) = what {
        crate::commands::check_range(what.from, what.to);
    }
    let file = mapping_file(common, settings);
    let server = Server::new(&settings.timescale)?;
    let wall = Clock::wall();
    let session = match what {
        // It reads whole tables, some of them in order, as a backfill does.
        Look::Try(_) => storage::migrate::backfill::open(&server.apart(caps::LONG_QUESTION))?,
        Look::Map | Look::Check => Session::open(&server)?,
    };
    let asked = wall.now();
    let catalog = catalog::read(&session)?;
    let findings = server::findings(&catalog.facts, asked, wall.now());
    match what {
        Look::Map => map(&file, &catalog),
        Look::Check => {
            say_server(&server, &catalog);
            findings.iter().for_each(|finding| output::line(format_args!("FINDING  {}: {finding}", server.name())));
            let is_mapped = say_mapping((&file, &settings.timescale.schema), &session, &catalog)?;
            Ok(if findings.is_empty() && is_mapped { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Look::Try(what) => what.run((&file, &settings.timescale.schema), &session, &catalog, &wall),
    }
}

fn mapping_file(common: &Common, settings: &Settings) -> PathBuf {
    match settings.timescale.mapping_file.as_str() {
        "" => common.data_dir.join("timescale.toml"),
        named => PathBuf::from(named),
    }
}

/// Writes the proposal. A file that is there was worked on by a person and is not replaced.
fn map(file: &Path, catalog: &Catalog) -> anyhow::Result<ExitCode> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let mut made = match fs::File::create_new(file) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already and is not replaced; move it aside, or look at it with `merganser migrate timescale check`",
                file.display()
            )
        }
        made => made.with_context(|| format!("cannot write {}", file.display()))?,
    };
    made.write_all(mapping::propose(catalog).as_bytes())?;
    output::line(format_args!("{}: look at every line, then run `merganser migrate timescale check`", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn say_server(server: &Server, catalog: &Catalog) {
    let facts = &catalog.facts;
    let timescale = facts.timescale.as_ref().map_or("no TimescaleDB".to_owned(), |v| format!("TimescaleDB {v}"));
    let (name, user, version, zone) = (server.name(), server.user(), &facts.version_text, &facts.time_zone);
    output::line(format_args!("{name} as {user}: PostgreSQL {version}, {timescale}, sessions in {zone}"));
    let rows = catalog.tables.iter().map(|(name, table)| {
        let rows = table.rows_about.map_or("unknown".to_owned(), |rows| rows.to_string());
        let may = if table.may_read { "yes" } else { "no" };
        [name.to_string(), table.form.to_string(), rows, table.columns.len().to_string(), may.to_owned()]
    });
    output::columns(["table", "is a", "rows, about", "columns", "may be read"], rows);
}

impl Try {
    fn run(
        &self,
        (file, schema): (&Path, &str),
        session: &Session,
        catalog: &Catalog,
        wall: &Clock,
    ) -> anyhow::Result<ExitCode> {
        let range = Range { from: self.from.unwrap_or(Range::ALL.from), to: self.to.unwrap_or(Range::ALL.to) };
        let plans = mapping::plans(file, catalog, schema)?;
        if plans.is_empty() {
            bail!("{} maps no table: there is nothing to try", file.display());
        }
        let is_asked = |plan: &&Plan| self.tables.is_empty() || self.tables.contains(&plan.from.to_string());
        let plans: Vec<&Plan> = plans.iter().filter(is_asked).collect();
        if plans.is_empty() {
            bail!("{} maps none of {}; give tables as they stand there", file.display(), self.tables.join(", "));
        }
        let mut is_good = true;
        for plan in plans {
            let bar = ProgressBar::new_spinner();
            let since = wall.now();
            let found =
                trial::run(session, plan, range, &|rows| bar.set_message(format!("{}: {rows} rows", plan.from)));
            bar.finish_and_clear();
            match found {
                Ok(found) => {
                    say_trial(plan, &found, wall.now().since(since));
                    is_good &= found.refused == 0;
                }
                // The others are tried all the same.
                Err(error) if error.is_of_its_table() => {
                    output::line(format_args!("FINDING  {}: {error}", plan.from));
                    is_good = false;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn say_trial(plan: &Plan, found: &Trial, nanos: i64) {
    let Trial { digest, refused, first } = found;
    let seconds = nanos.max(1) as f64 / 1e9;
    let rate = (digest.rows + refused) as f64 / seconds;
    output::line(format_args!(
        "{} → {}: {} rows fit, {refused} do not; {rate:.0} rows/s",
        plan.from, plan.into.table, digest.rows
    ));
    if let Some((from, to)) = digest.times {
        let at = |micros: i64| UtcNanos(micros.saturating_mul(1_000));
        output::line(format_args!("  from {} to {}, hash {}", at(from), at(to), digest.row_hash()));
        output::line(format_args!("  sums {}", digest.sums_json()));
    }
    first.iter().for_each(|(row, refusal)| output::line(format_args!("FINDING  {} row {row}: {refusal}", plan.from)));
}

/// Says what the mapping file comes to; true if nothing is wrong with it, and its tables may be read.
fn say_mapping((file, schema): (&Path, &str), session: &Session, catalog: &Catalog) -> anyhow::Result<bool> {
    let shown = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            output::line(format_args!("FINDING  {shown} is not there; `merganser migrate timescale map` proposes one"));
            return Ok(false);
        }
        Err(e) => return Err(e).with_context(|| format!("cannot read {shown}")),
    };
    let mapping = Mapping::parse(&text).with_context(|| format!("{shown} is no mapping file"))?;
    let Checked { plans, to_ask, mut problems, doubts, left } = mapping::check(&mapping, catalog);
    problems.extend(mapping.among_ours(schema));
    let unreadable = mapping::unreadable(session, &to_ask)?;
    for plan in &plans {
        let columns = plan.columns().join(", ");
        output::line(format_args!("{} → {}: {columns}", plan.from, plan.into.table));
    }
    for (table, columns) in left.iter().filter(|(_, columns)| !columns.is_empty()) {
        output::line(format_args!("{table}: {} stay behind", columns.join(", ")));
    }
    doubts.iter().for_each(|doubt| output::line(format_args!("DOUBT    {shown}: {doubt}")));
    problems.iter().for_each(|problem| output::line(format_args!("FINDING  {shown}: {problem}")));
    unreadable.iter().for_each(|problem| output::line(format_args!("FINDING  {problem}")));
    Ok(problems.is_empty() && unreadable.is_empty())
}
