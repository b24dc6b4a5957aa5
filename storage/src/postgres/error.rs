//! What can go wrong with a server, told apart by what the reader can do about it.
//!
//! The server's own words are kept; no text here holds a password.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use messages::durations::format as duration;
use tokio_postgres::error::DbError;

use super::catalog::one_line;
use super::{Server, copy};

/// The code that says that other objects depend on what is to be dropped.
pub(crate) const DEPENDED: &str = "2BP01";

/// So many of them are named.
const MOST_NAMED: usize = 8;

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be used.
    #[error("{key} = \"{value}\" cannot be used: {reason}")]
    Settings {
        /// The setting.
        key: &'static str,
        /// Its value; no secret.
        value: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// Nobody answers there.
    #[error(
        "{server} could not be reached ({reason}); start it, or check timescale.url, its listen_addresses and the network"
    )]
    Unreachable {
        /// The server.
        server: String,
        /// What happened.
        reason: String,
    },
    /// It did not answer in time.
    #[error("{server} did not answer within {} while merganser tried to {what}; see what it is busy with (pg_stat_activity), or raise {setting}", duration(*limit))]
    TooSlow {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// How long it had.
        limit: Duration,
        /// The setting that says so.
        setting: &'static str,
    },
    /// It takes no connection without TLS.
    #[error(
        "{server} refuses connections without TLS ({reason}); set timescale.tls = \"verify\", and timescale.ca_file if its authority is your own"
    )]
    TlsNeeded {
        /// The server.
        server: String,
        /// What it said.
        reason: String,
    },
    /// It has no TLS.
    #[error(
        "{server} offers no TLS; switch it on there (ssl = on), or set timescale.tls = \"off\" if nobody can listen on the way to it"
    )]
    NoTls {
        /// The server.
        server: String,
    },
    /// Its certificate proves nothing to us.
    #[error(
        "the certificate of {server} is not trusted ({reason}); name its authority's certificate in timescale.ca_file, and in timescale.url the host as it stands in the server's certificate"
    )]
    Untrusted {
        /// The server.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The password is missing or wrong.
    #[error(
        "{server} refused the password of {user} ({reason}); write it into a file, name that in timescale.password_file, and try it with `psql`"
    )]
    Password {
        /// The server.
        server: String,
        /// Who asked.
        user: String,
        /// What was said.
        reason: String,
    },
    /// Its rules let this user not in from here.
    #[error(
        "{server} does not let {user} in ({reason}); add a line for this user, database and address to its pg_hba.conf and reload it, or correct the user in timescale.url"
    )]
    NotLetIn {
        /// The server.
        server: String,
        /// Who asked.
        user: String,
        /// What it said.
        reason: String,
    },
    /// There is no such database.
    #[error("{server}: {reason}; correct the database at the end of timescale.url")]
    NoDatabase {
        /// The server.
        server: String,
        /// What it said.
        reason: String,
    },
    /// A table or a column is not there.
    #[error(
        "{server} cannot {what}: {reason}; `merganser migrate timescale check` shows what is there and what the mapping expects"
    )]
    Missing {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// A right is missing.
    #[error(
        "{server} lets {user} not {what} ({reason}); let the owner run GRANT USAGE ON SCHEMA and GRANT SELECT ON TABLE … TO {user}, then try again"
    )]
    Denied {
        /// The server.
        server: String,
        /// Who asked.
        user: String,
        /// What was asked.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// Policies hide rows of a table from this user.
    #[error(
        "{server} would show {user} only some rows, and so cannot {what} ({reason}); let a superuser run ALTER ROLE {user} BYPASSRLS, or, where a view of the mapping reads it, for the owner of that view, or, where {user} owns the table, ALTER TABLE … NO FORCE ROW LEVEL SECURITY, then try again"
    )]
    RowsHidden {
        /// The server.
        server: String,
        /// Who asked.
        user: String,
        /// What was asked.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// It is a standby, or was told to write nothing.
    #[error("{server} takes no writes ({reason}); name its primary in timescale.url")]
    ReadOnly {
        /// The server.
        server: String,
        /// What it said.
        reason: String,
    },
    /// Its disk is full.
    #[error(
        "the disk of {server} is full ({reason}); make room there: until then merganser keeps what it could not write"
    )]
    Full {
        /// The server.
        server: String,
        /// What it said.
        reason: String,
    },
    /// It cannot now.
    #[error("{server} cannot now ({reason}); it is tried again: if this stays, look at its log and at max_connections")]
    Busy {
        /// The server.
        server: String,
        /// What it said.
        reason: String,
    },
    /// A table was written anew while rows of it were read.
    #[error(
        "{table} was written anew on {server} (truncated, altered, compressed, moved, or another put in its place) while merganser tried to {what}, and what it held cannot be told from then; try again"
    )]
    Rewritten {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// The table, or the chunk or partition of it.
        table: String,
    },
    /// A materialized view that was never filled.
    #[error(
        "{server} cannot {what}: {reason}; let its owner run REFRESH MATERIALIZED VIEW with the name of that view, then try again"
    )]
    NotPopulated {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What it said.
        reason: String,
    },
    /// The connection broke.
    #[error(
        "the connection to {server} was lost while merganser tried to {what} ({reason}); nothing of it was kept there: try again"
    )]
    Lost {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What happened.
        reason: String,
    },
    /// Nobody waits for it any more.
    #[error("{server} was left before it had answered; nothing of the question was kept there")]
    Left {
        /// The server.
        server: String,
    },
    /// It understood and said no.
    #[error("{server} cannot {what}: {reason} (SQLSTATE {code}); look at its log")]
    Refused {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// Its code.
        code: String,
        /// What it said.
        reason: String,
    },
    /// What it sent is not what was asked for.
    #[error(
        "{server} answered in a way that cannot be read when merganser tried to {what}: {reason}; check that it is PostgreSQL, version 12 or newer"
    )]
    Unreadable {
        /// The server.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A COPY stream that is not what it must be.
    #[error(transparent)]
    Copy(#[from] copy::Error),
}

impl Error {
    /// True for what passes by itself, or when somebody puts the server right: it is worth trying again.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TooSlow { .. } | Self::Full { .. } | Self::Busy { .. } | Self::Lost { .. }
        )
    }

    /// True for what is wrong with the table that was asked for: about others the server may answer all the same.
    pub fn is_of_a_table(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::Denied { .. }
                | Self::RowsHidden { .. }
                | Self::NotPopulated { .. }
                | Self::Rewritten { .. }
                | Self::Refused { .. }
        )
    }

    /// For `map_err`: what was tried on which server.
    pub(super) fn of(server: &Server, what: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |error| {
            if let Some(said) = error.as_db_error() {
                // The code is that of anything that is not ready, and a table is opened there.
                if said.code().code() == "55000" && said.routine() == Some("ExecOpenScanRelation") {
                    return Self::NotPopulated { server: server.name(), what, reason: said.message().to_owned() };
                }
                // The code is that of any right that is missing, and the words are in the server's language.
                if said.routine() == Some("check_enable_rls") {
                    let (user, reason) = (server.user().to_owned(), said.message().to_owned());
                    return Self::RowsHidden { server: server.name(), user, what, reason };
                }
                return said_no(server, what, said.code().code(), &in_words(said));
            }
            match fault(&error) {
                Fault::Tls(reason) => Self::Untrusted { server: server.name(), reason },
                Fault::Password(reason) => {
                    Self::Password { server: server.name(), user: server.user().to_owned(), reason }
                }
                Fault::NoTls => Self::NoTls { server: server.name() },
                Fault::Lost(reason) => Self::Lost { server: server.name(), what, reason },
                Fault::Other(reason) => Self::Unreadable { server: server.name(), what, reason },
            }
        }
    }

    /// As [`Self::of`], before there was a connection.
    pub(super) fn connecting(server: &Server) -> impl Fn(tokio_postgres::Error) -> Self {
        move |error| match Self::of(server, "connect")(error) {
            Self::Lost { server, reason, .. } => Self::Unreachable { server, reason },
            other => other,
        }
    }

    /// It has not answered in the time that it has for a question.
    pub(super) fn too_slow(server: &Server, what: &'static str) -> Self {
        let (limit, setting) = (server.answer_timeout, "timescale.answer_timeout");
        Self::TooSlow { server: server.name(), what, limit, setting }
    }
}

/// What the server said, in one line. What depends on an object stands in the detail alone.
fn in_words(said: &DbError) -> String {
    let message = said.message();
    match said.detail().filter(|_| said.code().code() == DEPENDED) {
        Some(detail) => format!("{message} ({})", first_of(detail)),
        None => message.to_owned(),
    }
}

/// The first lines of a detail, of which each names an object.
fn first_of(detail: &str) -> String {
    let named: Vec<String> = detail.lines().take(MOST_NAMED).map(one_line).collect();
    let others = if detail.lines().nth(MOST_NAMED).is_some() { ", and others" } else { "" };
    named.join(", ") + others
}

/// What a refusal of the server means, by its code.
fn said_no(server: &Server, what: &'static str, code: &str, said: &str) -> Error {
    let (name, user, reason) = (server.name(), server.user().to_owned(), said.to_owned());
    match code {
        // Its words alone tell the two apart: the code is the same for every line of pg_hba.conf.
        "28000" if said.contains("no encryption") || said.contains("SSL off") => {
            Error::TlsNeeded { server: name, reason }
        }
        "28P01" => Error::Password { server: name, user, reason },
        "28000" => Error::NotLetIn { server: name, user, reason },
        "3D000" => Error::NoDatabase { server: name, reason },
        "42P01" | "42703" | "3F000" => Error::Missing { server: name, what, reason },
        "42501" => Error::Denied { server: name, user, what, reason },
        "25006" => Error::ReadOnly { server: name, reason },
        "53100" => Error::Full { server: name, reason },
        "53300" | "53200" | "57P03" | "40001" | "40P01" | "55P03" => Error::Busy { server: name, reason },
        "57014" => Error::too_slow(server, what),
        "57P01" | "57P02" | "08000" | "08003" | "08006" => Error::Lost { server: name, what, reason },
        _ => Error::Refused { server: name, what, code: code.to_owned(), reason },
    }
}

/// What happened on this side.
enum Fault {
    Tls(String),
    NoTls,
    Password(String),
    Lost(String),
    Other(String),
}

/// Looks for the cause in the chain: the client library tells its own kinds apart in words only.
fn fault(error: &tokio_postgres::Error) -> Fault {
    let mut cause = error.source();
    while let Some(at) = cause {
        let inner = at.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = at.downcast_ref::<rustls::Error>().or_else(|| inner.and_then(|e| e.downcast_ref()));
        if let Some(tls) = tls {
            return Fault::Tls(tls.to_string());
        }
        if let Some(io) = at.downcast_ref::<io::Error>() {
            return Fault::Lost(io.to_string());
        }
        match at.to_string() {
            words if words.contains("does not support TLS") => return Fault::NoTls,
            words if words.contains("password") => return Fault::Password(words),
            _ => cause = at.source(),
        }
    }
    if error.is_closed() { Fault::Lost("it was closed".to_owned()) } else { Fault::Other(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_is_named_in_one_line_of_bearable_length() {
        let lines = |count: usize| {
            let line = |number| format!("view v{number} depends on table\tt");
            (1..=count).map(line).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(first_of(&lines(2)), "view v1 depends on table t, view v2 depends on table t");
        assert!(first_of(&lines(8)).ends_with(", view v8 depends on table t"));
        assert!(first_of(&lines(100)).ends_with(", view v8 depends on table t, and others"));
    }
}
