//! What may be asked: each call by its name on REST and over the WebSocket API, who may ask it, and its weight.
//! Source: `rest-api.md` and `web-socket-api.md`.

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Nothing.
    Ping,
    /// The venue's clock.
    Time,
    /// Rules and instruments.
    Info,
    /// The book.
    Depth,
    /// Last prices.
    Price,
    /// Best bids and asks.
    Best,
    /// Average price.
    Average,
    /// A new order.
    Place,
    /// A new order, to look at only.
    Test,
    /// Ends an order.
    Cancel,
    /// Ends all orders of a symbol.
    CancelAll,
    /// Ends one and places another.
    CancelReplace,
    /// Lowers a quantity in place.
    Amend,
    /// An order.
    Status,
    /// Open orders.
    Open,
    /// All orders.
    All,
    /// Fills.
    Trades,
    /// One cancels the other.
    Oco,
    /// One triggers the other.
    Oto,
    /// One triggers a pair.
    Otoco,
    /// Ends a list.
    CancelList,
    /// A list.
    ListStatus,
    /// Open lists.
    OpenLists,
    /// All lists.
    AllLists,
    /// Balances.
    Account,
    /// Fee rates.
    Commission,
    /// Order counts.
    OrderCounts,
    /// What was there until February 2026.
    Gone,
}

impl Call {
    /// True for what goes to the matching engine: it costs no weight when it succeeds.
    #[must_use]
    pub const fn trades(self) -> bool {
        matches!(
            self,
            Self::Place
                | Self::Cancel
                | Self::CancelAll
                | Self::CancelReplace
                | Self::Amend
                | Self::Oco
                | Self::Oto
                | Self::Otoco
                | Self::CancelList
        )
    }

    /// True for what must be signed.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        !matches!(
            self,
            Self::Ping | Self::Time | Self::Info | Self::Depth | Self::Price | Self::Best | Self::Average | Self::Gone
        )
    }
}

/// A call's names and its weight.
pub struct Entry {
    /// The call.
    pub call: Call,
    /// Method and path of REST.
    pub rest: (&'static str, &'static str),
    /// Name over the WebSocket API; empty when it has none.
    pub method: &'static str,
    /// Weight.
    pub weight: u32,
}

const fn entry(call: Call, rest: (&'static str, &'static str), method: &'static str, weight: u32) -> Entry {
    Entry { call, rest, method, weight }
}

/// All calls.
pub const CALLS: &[Entry] = &[
    entry(Call::Ping, ("GET", "/api/v3/ping"), "ping", 1),
    entry(Call::Time, ("GET", "/api/v3/time"), "time", 1),
    entry(Call::Info, ("GET", "/api/v3/exchangeInfo"), "exchangeInfo", 20),
    entry(Call::Depth, ("GET", "/api/v3/depth"), "depth", 5),
    entry(Call::Price, ("GET", "/api/v3/ticker/price"), "ticker.price", 2),
    entry(Call::Best, ("GET", "/api/v3/ticker/bookTicker"), "ticker.book", 2),
    entry(Call::Average, ("GET", "/api/v3/avgPrice"), "avgPrice", 2),
    entry(Call::Place, ("POST", "/api/v3/order"), "order.place", 1),
    entry(Call::Test, ("POST", "/api/v3/order/test"), "order.test", 1),
    entry(Call::Status, ("GET", "/api/v3/order"), "order.status", 4),
    entry(Call::Cancel, ("DELETE", "/api/v3/order"), "order.cancel", 1),
    entry(Call::CancelAll, ("DELETE", "/api/v3/openOrders"), "openOrders.cancelAll", 1),
    entry(Call::CancelReplace, ("POST", "/api/v3/order/cancelReplace"), "order.cancelReplace", 1),
    entry(Call::Amend, ("PUT", "/api/v3/order/amend/keepPriority"), "order.amend.keepPriority", 4),
    entry(Call::Open, ("GET", "/api/v3/openOrders"), "openOrders.status", 6),
    entry(Call::All, ("GET", "/api/v3/allOrders"), "allOrders", 20),
    entry(Call::Trades, ("GET", "/api/v3/myTrades"), "myTrades", 20),
    entry(Call::Oco, ("POST", "/api/v3/orderList/oco"), "orderList.place.oco", 1),
    entry(Call::Oto, ("POST", "/api/v3/orderList/oto"), "orderList.place.oto", 1),
    entry(Call::Otoco, ("POST", "/api/v3/orderList/otoco"), "orderList.place.otoco", 1),
    entry(Call::CancelList, ("DELETE", "/api/v3/orderList"), "orderList.cancel", 1),
    entry(Call::ListStatus, ("GET", "/api/v3/orderList"), "orderList.status", 4),
    entry(Call::OpenLists, ("GET", "/api/v3/openOrderList"), "openOrderLists.status", 6),
    entry(Call::AllLists, ("GET", "/api/v3/allOrderList"), "allOrderLists", 20),
    entry(Call::Account, ("GET", "/api/v3/account"), "account.status", 20),
    entry(Call::Commission, ("GET", "/api/v3/account/commission"), "account.commission", 20),
    entry(Call::OrderCounts, ("GET", "/api/v3/rateLimit/order"), "account.rateLimits.orders", 40),
    entry(Call::Gone, ("POST", "/api/v3/userDataStream"), "userDataStream.start", 2),
    entry(Call::Gone, ("PUT", "/api/v3/userDataStream"), "userDataStream.ping", 2),
    entry(Call::Gone, ("DELETE", "/api/v3/userDataStream"), "userDataStream.stop", 2),
];
