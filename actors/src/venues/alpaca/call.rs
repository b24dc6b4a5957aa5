//! What is asked of Alpaca's trading API by HTTP: a method, a path with its query, a body. Keys are put into headers by the
//! shell and stand in none of these.
//!
//! Source: docs.alpaca.markets, trading API (`/v2/orders`, `/v2/assets`, `/v2/positions`, `/v2/account`, `/v2/account/activities`).

use messages::{ClientOrderId, Symbol, UtcNanos, VenueOrderId};

use crate::wire::percent;

/// The most orders that one answer lists.
pub const ORDERS_PER_PAGE: usize = 500;
/// The most activities that one answer lists.
pub const ACTIVITIES_PER_PAGE: usize = 100;

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Tells something.
    Get,
    /// A new order.
    Post,
    /// A change of an order.
    Patch,
    /// A cancel.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// How.
    pub method: Method,
    /// The path, with its query, encoded; behind the host of the profile.
    pub path: String,
    /// The body, JSON.
    pub body: Option<String>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::Get, path, body: None }
    }

    /// Cancels an order. There is no cancel by client order id.
    #[must_use]
    pub fn cancel(id: VenueOrderId) -> Self {
        let path = format!("/v2/orders/{}", percent::encoded(id.as_str()));
        Self { method: Method::Delete, path, body: None }
    }

    /// One order, by the venue's id.
    #[must_use]
    pub fn order(id: VenueOrderId) -> Self {
        Self::get(format!("/v2/orders/{}?nested=true", percent::encoded(id.as_str())))
    }

    /// One order, by our id.
    #[must_use]
    pub fn order_by_client_id(id: ClientOrderId) -> Self {
        Self::get(format!("/v2/orders:by_client_order_id?client_order_id={}", percent::encoded(id.as_str())))
    }

    /// Open orders, the newest first; the next page begins behind the oldest submission of the one before.
    #[must_use]
    pub fn open_orders(submitted_before: Option<UtcNanos>) -> Self {
        let until = submitted_before.map_or_else(String::new, |at| format!("&until={}", time(at)));
        Self::get(format!("/v2/orders?status=open&limit={ORDERS_PER_PAGE}&direction=desc&nested=false{until}"))
    }

    /// Fills since an instant, the oldest first, behind the last activity of the page before.
    #[must_use]
    pub fn fills(since: UtcNanos, behind: Option<&str>) -> Self {
        let token = behind.map_or_else(String::new, |id| format!("&page_token={}", percent::encoded(id)));
        Self::get(format!(
            "/v2/account/activities/FILL?direction=asc&page_size={ACTIVITIES_PER_PAGE}&after={}{token}",
            time(since)
        ))
    }

    /// An asset: whether it is traded, and by which rules.
    #[must_use]
    pub fn asset(symbol: Symbol) -> Self {
        Self::get(format!("/v2/assets/{}", percent::encoded(symbol.as_str())))
    }

    /// All positions.
    #[must_use]
    pub fn positions() -> Self {
        Self::get("/v2/positions".to_owned())
    }

    /// The account: cash, buying power, what is blocked.
    #[must_use]
    pub fn account() -> Self {
        Self::get("/v2/account".to_owned())
    }
}

/// RFC 3339 with nanoseconds, encoded.
fn time(at: UtcNanos) -> String {
    percent::encoded(&format!("{at:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_method_and_an_encoded_path() {
        let at: UtcNanos = "2026-11-27T14:30:00.5Z".parse().unwrap();
        let id: VenueOrderId = "b28e2b24-b1b2-40cc-8979-63f45e8edc02".parse().unwrap();
        let check = |call: Call, expected: &str| {
            let Call { method, path, body } = call;
            assert_eq!((format!("{} {path}", method.as_str()), body), (expected.to_owned(), None));
        };
        check(Call::cancel(id), "DELETE /v2/orders/b28e2b24-b1b2-40cc-8979-63f45e8edc02");
        check(Call::order(id), "GET /v2/orders/b28e2b24-b1b2-40cc-8979-63f45e8edc02?nested=true");
        check(
            Call::order_by_client_id("m-1-2-r1".parse().unwrap()),
            "GET /v2/orders:by_client_order_id?client_order_id=m-1-2-r1",
        );
        check(Call::open_orders(None), "GET /v2/orders?status=open&limit=500&direction=desc&nested=false");
        check(
            Call::open_orders(Some(at)),
            "GET /v2/orders?status=open&limit=500&direction=desc&nested=false&until=2026-11-27T14%3A30%3A00.500000000Z",
        );
        check(
            Call::fills(at, Some("20220304135420903::047e252a")),
            "GET /v2/account/activities/FILL?direction=asc&page_size=100&after=2026-11-27T14%3A30%3A00.500000000Z&page_token=20220304135420903%3A%3A047e252a",
        );
        check(Call::positions(), "GET /v2/positions");
        check(Call::account(), "GET /v2/account");
    }
}
