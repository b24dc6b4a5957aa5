//! What a session said is done here, and nowhere else: market data to the market, words to people, effects outside.

use messages::market::FeedBatch;

use super::{Mailbox, Shell, rest};
use crate::feeds::session::{Do, Notice};
use crate::market::FromFeed;
use crate::wire::socket::{self, Opening};

impl Shell {
    /// Does what the session said.
    pub(super) fn perform(&mut self) {
        if !self.out.items.is_empty() {
            let items = std::mem::take(&mut self.out.items);
            self.hand_over(FeedBatch { source: self.out.source(), received: self.received, items });
        }
        for undecodable in std::mem::take(&mut self.out.undecodable) {
            let (feed, received) = (self.a.feed.name.clone(), self.received);
            let (error, frame) = (undecodable.error, undecodable.frame);
            // It is counted by the session, too: what does not fit is not lost to the count.
            let _ = self.a.market.try_send(FromFeed::Undecodable { feed, received, error, frame });
            self.a.signal.raise();
        }
        for notice in std::mem::take(&mut self.out.notices) {
            match notice {
                Notice::Info(text) => tracing::info!(feed = self.a.feed.name, "{text}"),
                Notice::Warning(text) => tracing::warn!(feed = self.a.feed.name, "{text}"),
                Notice::Fatal(text) => tracing::error!(feed = self.a.feed.name, "{text}"),
            }
        }
        for effect in std::mem::take(&mut self.out.effects) {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Do) {
        match effect {
            Do::Open { link, url, headers } => {
                let opening = Opening { link, url, headers, connect_timeout: self.a.feed.connect_timeout };
                let outbox = socket::open(opening, self.a.feed.reach.clone(), self.mouth.clone());
                self.links.insert(link, outbox);
            }
            Do::Send(link, text) => {
                let sent = self.links.get(&link).map(|outbox| outbox.try_send(text));
                if !matches!(sent, Some(Ok(()))) {
                    // The session finds out by the answer that does not come.
                    tracing::warn!(
                        feed = self.a.feed.name,
                        link = link.0,
                        "a message was not sent: the link takes none"
                    );
                }
            }
            Do::Close(link) => drop(self.links.remove(&link)),
            Do::Ask { id, url, headers } => {
                let (client, me) = (self.a.feed.reach.client.clone(), self.me.clone());
                tokio::spawn(async move {
                    let answer = rest::get(&client, &url, &headers).await;
                    let _ = me.send_message(Mailbox::Answered(id, answer));
                });
            }
        }
    }
}
