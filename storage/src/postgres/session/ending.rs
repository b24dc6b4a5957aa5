//! How a session is left early: by who waits for an answer of it and goes, and by who drops it where nothing may block.

use rustls_tokio_postgres::MakeRustlsConnect;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};

use super::{Error, Session, TO_CANCEL};

/// Ends the question that a session asks, from another thread or task.
pub struct Cancel {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    runtime: Handle,
}

impl Session {
    /// What ends its question.
    #[must_use]
    pub fn cancel_from_elsewhere(&self) -> Cancel {
        let (token, tls) = (self.client.cancel_token(), self.server.tls.clone());
        Cancel { token, tls, runtime: self.runtime.handle().clone() }
    }

    /// Lets the server itself end what takes longer than a question may, to the end of the transaction.
    ///
    /// # Errors
    /// The server is gone.
    pub fn limit_each_question(&self) -> Result<(), Error> {
        let limit = self.server.answer_timeout.as_millis();
        self.execute("limit the time of a question", &format!("SET LOCAL statement_timeout = {limit}"))
    }

    /// Ends it without waiting for its thread, as a task of tokio must.
    pub fn close(self) {
        self.runtime.shutdown_background();
    }
}

impl Cancel {
    /// Lets the server drop what nobody waits for, and does not wait until it has.
    pub fn send(self) {
        let Self { token, tls, runtime } = self;
        runtime.spawn(async move {
            let cancelled = async {
                match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(NoTls).await,
                }
            };
            timeout(TO_CANCEL, cancelled).await
        });
    }
}
