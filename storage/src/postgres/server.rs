//! Where the server is, and who asks it: `[timescale]` read and checked before anything is sent.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::{Error, tls};
use crate::settings::{Timescale, Tls};

const URL: &str = "timescale.url";
const FORM: &str = "postgres://user@host:5432/database";

/// A server, a database in it, and a user.
#[derive(Clone)]
pub struct Server {
    pub(super) config: Config,
    pub(super) tls: Option<rustls_tokio_postgres::MakeRustlsConnect>,
    pub(super) connect_timeout: Duration,
    pub(super) answer_timeout: Duration,
    /// True when nobody waits for it any more.
    pub(super) left: Arc<watch::Sender<bool>>,
    user: String,
    database: String,
    place: String,
    /// Of which it was made, and is made again.
    settings: Timescale,
}

impl Server {
    /// The server that the settings name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`Error::Settings`] says which setting cannot be used.
    pub fn new(settings: &Timescale) -> Result<Self, Error> {
        let mut config = parse(&settings.url)?;
        let place = place(&config)?;
        let user = config.get_user().map(str::to_owned).ok_or_else(|| wrong(settings, "it names no user"))?;
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        if !settings.password_file.is_empty() {
            config.password(password(&settings.password_file)?);
        }
        let tls = match settings.tls {
            Tls::Off => None,
            Tls::Verify => Some(tls::connector(&settings.ca_file)?),
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config.application_name("merganser");
        let (connect_timeout, answer_timeout) = (settings.connect_timeout, settings.answer_timeout);
        let left = Arc::new(watch::Sender::new(false));
        let settings = settings.clone();
        Ok(Self { config, tls, connect_timeout, answer_timeout, left, user, database, place, settings })
    }

    /// The same server with what stands in the files of the settings now: a password may be renewed while we run.
    ///
    /// # Errors
    /// [`Error::Settings`] says which of them cannot be used now.
    pub fn renewed(&self) -> Result<Self, Error> {
        let (answer_timeout, left) = (self.answer_timeout, self.left.clone());
        Ok(Self { answer_timeout, left, ..Self::new(&self.settings)? })
    }

    /// The same server for work of its own that can be left: a question may take so long, where all of a table must be read
    /// for its answer.
    #[must_use]
    pub fn apart(&self, answer_timeout: Duration) -> Self {
        Self { answer_timeout, left: Arc::new(watch::Sender::new(false)), ..self.clone() }
    }

    /// The longest that it may take for an answer, or for the next rows of a copy.
    #[must_use]
    pub fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// Ends every question that is under way and every later one, of all clones, with [`Error::Left`]: a server that does
    /// not answer holds nobody up who wants to end.
    pub fn leave(&self) {
        self.left.send_replace(true);
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Address and database, for a message.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.place, self.database)
    }
}

/// No secret.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.name())
    }
}

/// The URL, without what belongs into other settings. Its text is shown only if it holds no password.
fn parse(url: &str) -> Result<Config, Error> {
    let refused = |value: &str, reason: String| Error::Settings { key: URL, value: value.to_owned(), reason };
    if url.is_empty() {
        return Err(refused("", format!("it names no server; set it to {FORM}")));
    }
    // What cannot be read may hold a password as well: it is not repeated.
    let config: Config =
        url.parse().map_err(|_| refused("…", format!("it is no address of a PostgreSQL server; expected {FORM}")))?;
    if config.get_password().is_some() {
        let reason = "it holds a password, which would be shown wherever settings are; write the password into a file of its own and name that in timescale.password_file";
        return Err(refused("…", reason.to_owned()));
    }
    if url.contains("sslmode") || url.contains("channel_binding") {
        return Err(refused(url, "TLS is not set in the address; use timescale.tls and timescale.ca_file".to_owned()));
    }
    Ok(config)
}

/// The one address in the URL.
fn place(config: &Config) -> Result<String, Error> {
    let [host] = config.get_hosts() else {
        let value = format!("{} hosts", config.get_hosts().len());
        return Err(Error::Settings { key: URL, value, reason: format!("exactly one server is needed: {FORM}") });
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Ok(match host {
        Host::Tcp(name) => format!("{name}:{port}"),
        #[cfg(unix)]
        Host::Unix(folder) => format!("{}:{port}", folder.display()),
    })
}

fn wrong(settings: &Timescale, what: &str) -> Error {
    Error::Settings { key: URL, value: settings.url.clone(), reason: format!("{what}; expected {FORM}") }
}

/// The password: the file's first line.
fn password(file: &str) -> Result<String, Error> {
    let refused = |reason: String| Error::Settings { key: "timescale.password_file", value: file.to_owned(), reason };
    let text = fs::read_to_string(file).map_err(|e| refused(format!("the file cannot be read ({e})")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(refused("the file is empty; its first line must be the password".to_owned())),
    }
}
