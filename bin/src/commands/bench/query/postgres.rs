//! The same ticks in a PostgreSQL, if there is one on this machine: a server of its own in a temporary folder, behind a
//! Unix socket only, and gone afterwards. The table has our columns in PostgreSQL's types, a primary key and an index
//! by symbol and time, both there before the rows are, as in a table that is in use.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};

const TABLE: &str = r#"CREATE TABLE market_ticks (
    tick_id bigint NOT NULL, exchange text NOT NULL, symbol text NOT NULL, "timestamp" timestamptz NOT NULL,
    kind text NOT NULL, bid_price numeric(18, 8), ask_price numeric(18, 8), bid_size numeric(18, 8),
    ask_size numeric(18, 8), last_price numeric(18, 8), volume numeric(18, 8), aggressor_side text,
    sequence_number bigint, conditions text, source text NOT NULL, revision smallint NOT NULL,
    correlation_id uuid, ingestion_time timestamptz NOT NULL, PRIMARY KEY (tick_id, "timestamp"));
    CREATE INDEX ON market_ticks (exchange, symbol, "timestamp" DESC)"#;

/// Bytes of the heap, and of the heap and its indexes, of so many rows of a CSV file; `None` without a PostgreSQL.
pub fn sizes(csv: &Path, rows: u64) -> anyhow::Result<Option<(u64, u64)>> {
    let Some(programs) = programs() else { return Ok(None) };
    let server = Server::start(programs)?;
    server.ask(TABLE)?;
    let file = csv.to_str().filter(|file| !file.contains('\'')).context("a path that psql cannot read")?;
    let copied = server.ask(&format!("\\copy market_ticks FROM '{file}' WITH (FORMAT csv, HEADER)"))?;
    ensure!(copied == format!("COPY {rows}"), "PostgreSQL took other rows: {copied}");
    let size = |function: &str| anyhow::Ok(server.ask(&format!("SELECT {function}('market_ticks')"))?.parse::<u64>()?);
    let heap = size("pg_relation_size")?;
    Ok(Some((heap, heap + size("pg_indexes_size")?)))
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let answer = Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let on_path = answer.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    found.sort_by_key(|path| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok());
    on_path.into_iter().chain(found.into_iter().rev()).find(|path| path.join("initdb").is_file())
}

/// A server that ends with this.
struct Server {
    programs: PathBuf,
    /// Its data and its socket.
    dir: tempfile::TempDir,
    is_root: bool,
}

impl Server {
    fn start(programs: PathBuf) -> anyhow::Result<Self> {
        // A socket's path must be short.
        let dir = tempfile::Builder::new().prefix("merganser-pg-").tempdir()?;
        let id = Command::new("id").arg("-u").output().context("cannot run id")?;
        let server = Self { programs, dir, is_root: id.stdout.trim_ascii() == b"0" };
        if server.is_root {
            // The server refuses to run as root.
            done(Command::new("chown").arg("postgres").arg(server.dir.path()))?;
        }
        let (socket, data) = (server.dir.path().display(), server.data());
        done(server.program("initdb").args(["--auth=trust", "--username=postgres", "--no-sync", "-D"]).arg(&data))?;
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{socket}' -c fsync=off");
        let log = server.dir.path().join("log");
        // Without output: a server that has been started keeps what it inherits.
        let mut start = server.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "-D"]).arg(&data).arg("-o").arg(&options).arg("-l").arg(&log);
        let status = start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
        ensure!(status.context("cannot run pg_ctl")?.success(), "PostgreSQL does not start: {}", read(&log));
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// One of its programs, as a user that it accepts.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.dir.path());
        command
    }

    fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.dir.path()).args([
            "-U",
            "postgres",
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ]);
        Ok(String::from_utf8_lossy(&done(&mut psql)?.stdout).trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it holds goes with its folder.
        let data = self.data();
        let _ = done(self.program("pg_ctl").args(["stop", "--mode=immediate", "--wait", "-D"]).arg(data));
    }
}

fn done(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}
