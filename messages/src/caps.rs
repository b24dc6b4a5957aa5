//! Every hard limit of the runtime: its name, its unit and its reason, in one place.
//!
//! A limit that a user may choose is a setting (`config/default.toml`); what stands here is what the
//! code relies on and what protects it from its input.

use std::time::Duration;

/// Longest symbol, in bytes. OCC option symbols have 21; Binance lists symbols in Chinese (UTF-8).
pub const SYMBOL_BYTES: usize = 28;
/// Longest asset name, in bytes.
pub const ASSET_BYTES: usize = 20;
/// Longest client order id, in characters. Binance takes 36, Alpaca 48; a replace adds `-rN`.
pub const CLIENT_ORDER_ID_BYTES: usize = 32;
/// Longest order id of a venue, in bytes. Alpaca's are UUIDs in text.
pub const VENUE_ORDER_ID_BYTES: usize = 36;
/// Longest execution id (`FillKey`), in bytes: Binance's symbol:tradeId:orderId.
pub const EXECUTION_ID_BYTES: usize = 64;
/// Longest strategy name, in bytes.
pub const STRATEGY_ID_BYTES: usize = 32;
/// Longest account name, in bytes.
pub const ACCOUNT_BYTES: usize = 20;
/// Longest list of trade conditions on a tick, in bytes, joined by commas.
pub const CONDITIONS_BYTES: usize = 16;
/// Longest stable reason code, in bytes.
pub const REASON_BYTES: usize = 40;
/// Longest text that a venue or a person adds to an order, in bytes. Longer texts are cut.
pub const NOTE_BYTES: usize = 512;

/// Largest DECIMAL(18,8) as a scaled integer: prices and tick sizes.
pub const DECIMAL_18_MAX: i64 = 999_999_999_999_999_999;
/// Largest DECIMAL(38,9) as a scaled integer: quantities and cash.
pub const DECIMAL_38_MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;
/// Longest decimal number that a parser reads, in bytes. The largest DECIMAL(38,9) has 40.
pub const NUMBER_BYTES: usize = 64;

/// Market ids that one fsynced ledger record reserves: about ten seconds at 100,000 events a second.
pub const MARKET_ID_BLOCK: u64 = 1 << 20;
/// Bytes after which a journal group is closed, so that a reader never holds more than this.
pub const JOURNAL_GROUP_BYTES: usize = 8 << 20;
/// Largest journal frame that a reader accepts, in bytes: a group plus its largest record.
pub const JOURNAL_FRAME_BYTES: usize = 64 << 20;
/// Largest saved state of a strategy, in bytes.
pub const STRATEGY_STATE_BYTES: usize = 64 << 10;
/// Longest frame or line of an input that is decoded, in bytes. A depth snapshot of 5,000 levels has 350 KiB.
pub const FRAME_BYTES: usize = 4 << 20;
/// Levels that one depth message may carry per side: Binance's largest snapshot.
pub const DEPTH_LEVELS: usize = 5_000;
/// Levels that a book keeps per side. Beyond it the levels farthest from the touch go first.
pub const BOOK_LEVELS: usize = 20_000;
/// Depth diffs kept per symbol while the book waits for its snapshot: 50 s at 100 ms.
pub const BOOK_BUFFER: usize = 500;
/// Frames of a live feed that may wait for the market, quotes conflated: some seconds of a market gone wild, about 100 MB.
/// Beyond it the feed pauses.
pub const FEED_BACKLOG: usize = 262_144;
/// Frames that could not be decoded kept for inspection, per feed. The counter goes on.
pub const UNDECODABLE_KEPT: usize = 1_000;
/// Trade ids per symbol remembered to drop repeated trades.
pub const TRADE_ID_WINDOW: usize = 4_096;
/// Open orders of one strategy beyond which a mistake is assumed, whatever the settings say.
pub const OPEN_ORDERS_PER_STRATEGY: usize = 1_000;
/// Refused fills of one order that are remembered, so that each is told once however often its venue repeats it; the lowest
/// keys go first. A venue that reports more of them is wrong throughout.
pub const REFUSED_FILLS: usize = 64;
/// Orders that nobody here knows of which people are told, each once in a process: of more they know enough, and the ledger has
/// every report.
pub const STRANGERS: usize = 1_000;
/// Notes of a venue that are told in an hour, to the ledger and the log: who reads more of them looks for the cause. The others
/// are counted.
pub const VENUE_NOTES_PER_HOUR: usize = 120;
/// Requests that may wait for the connection to a venue: more than any venue takes in a second.
pub const VENUE_REQUESTS: usize = 1_024;
/// Ledger records behind its last checkpoint that a start may have to read: about a tenth of a second's reading.
pub const LEDGER_TAIL: u64 = 50_000;
/// Decisions that may wait in memory for a ledger whose disk is full. Beyond it only cancels are heard.
pub const UNWRITTEN: usize = 65_536;
/// How far a message's own time may lie ahead of its receive time before it is out of range: a
/// clock that is wrong by a day is a wrong message.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(86_400);
/// How far a recorded frame's receive time may lie behind the one before it. A line that claims more has a wrong time, and
/// a run would fire every timer of the years between.
pub const RECEIVE_JUMP: Duration = Duration::from_secs(31 * 86_400);
/// Fills that a venue lists in one answer about the account: about 15 MB of the market journal, which keeps the answer whole. Those
/// behind them are asked for by the next question.
pub const ACCOUNT_FILLS: usize = 100_000;
/// Differences that one reconciliation tells one by one: a person reads no more, and all are counted.
pub const DIFFERENCES: usize = 200;
/// Ended orders kept in memory for late reports and duplicates; older ones are in DuckDB only.
pub const ENDED_ORDERS: usize = 10_000;
/// Log lines and metrics that may wait for the tables: a storm of them while a checkpoint runs is kept for two
/// seconds at 4,000 a second. What does not fit is dropped and counted; nobody waits for telemetry.
pub const TELEMETRY_QUEUE: usize = 8_192;
/// Questions that may wait for a reader of the database: a minute's work at 1 ms each on one core would be 60,000, and who
/// waits longer than his time is sent away anyway; this bounds what a caller gone wild can pile up.
pub const QUESTIONS_WAITING: usize = 4_096;
/// Longest SQL from outside, in bytes. DuckDB's parser hears no time limit and goes down one frame of the stack for each
/// element of some flat lists: `FROM a, a, …` of 180 KB ends the process.
pub const SQL_BYTES: usize = 16 << 10;
/// WITHs that SQL of that length may have. Behind each further one the parser tries everything about five times more:
/// `WITH a AS (` ten times in a row, 110 bytes, took it more than 12 s and 6 GB. So each one leaves a fifth of the length.
pub const SQL_WITHS: usize = 2;
/// Opening brackets, and signs, that SQL from outside may have: the time for those that do not end grows with their
/// square or faster. 4,000 brackets took 12 s, 8,000 signs more than 15 s and 9 GB, 500 a fraction of a second.
pub const SQL_BRACKETS: usize = 500;
/// Parts of a column's name in SQL from outside (`a.b.c`): to resolve one of thousands takes DuckDB seconds.
pub const SQL_NAME_PARTS: usize = 16;
/// The longest that a question from outside may run: who needs more wants a copy of the data.
pub const QUESTION_TIME: Duration = Duration::from_secs(3_600);
/// The most rows of an answer to SQL. What they take is bounded in bytes as well.
pub const SQL_ROWS: usize = 10_000_000;
/// The most rows of an answer of history: they are held as typed rows and as columns at once.
pub const HISTORY_ROWS: u32 = 1_000_000;
/// Bytes of an answer, as columns and as it is sent: it is for a person or a script, and held in memory.
pub const ANSWER_BYTES: usize = 256 << 20;
/// Bytes of all answers of questions that are written or wait to be read, together: two of the largest.
pub const ANSWERS_BYTES: usize = 512 << 20;
/// Cells of an answer that is laid out for people: each is measured before the first line is written.
pub const TABLE_CELLS: usize = 2_000_000;
/// Connections to the edge at a time: those of the stream, and as many more as a
/// team needs; a process may often open no more than 1,024 files, and the journals need some of them.
pub const CONNECTIONS: usize = 640;
/// Longest `Idempotency-Key`, in bytes.
pub const KEY_BYTES: usize = 128;
/// Browsers that may be logged in with one token; a further one takes the place of the one of these that is in for longest, and
/// of nobody else's.
pub const SESSIONS: usize = 32;
/// Longest text of a log line that is stored, in bytes: message, data, exception each. Longer ones are cut.
pub const LOG_TEXT_BYTES: usize = 16 << 10;
/// Booked fills remembered to book none twice, newest first to stay. Orders hands a fill on once, and again only when the
/// trading group restarts while it is on its way; this is far more than can be on its way then.
pub const BOOKED_FILLS: usize = 100_000;
/// Batches of market data that may wait for the edge: a third of a second at 100,000 frames of one tick, while it looks ten
/// times a second. Beyond it quotes are conflated.
pub const AUDIENCE_BATCHES: usize = 32_768;
/// Events of orders, fills and strategies that may wait for the edge: minutes of a wild day, about 100 MB.
pub const AUDIENCE_EVENTS: usize = 65_536;
/// Clients of the stream at once: a team's browsers and scripts, and 200 of them at a desk that shows all.
pub const STREAM_CLIENTS: u64 = 512;
/// Topics that one client may be subscribed to: quotes, tape and two lengths of bars of 60 instruments.
pub const CLIENT_TOPICS: usize = 256;
/// Messages that may wait for one client. Half a minute of orders and fills, each twenty times a second; then it is closed.
pub const CLIENT_MESSAGES: usize = 1_024;
/// Bytes of these.
pub const CLIENT_BYTES: usize = 8 << 20;
/// Messages of other topics among them: beyond it quotes are conflated, and others follow as a snapshot.
pub const CLIENT_MARKET_MESSAGES: usize = 64;
/// Bytes up to which they may wait.
pub const CLIENT_MARKET_BYTES: usize = 1 << 20;
/// Longest message of a client, in bytes: it names at most [`CLIENT_TOPICS`] topics.
pub const CLIENT_FRAME_BYTES: usize = 16 << 10;
/// Messages of one client in a second: a page that opens sends a few.
pub const CLIENT_FRAMES_PER_SECOND: u32 = 50;
/// Requests of clients that may wait for the hub: as many as all clients together may send in a tenth of a second, and more.
pub const CLIENT_REQUESTS: usize = 4_096;
/// Trades, fills and log lines that a snapshot of the stream shows.
pub const TAPE_SHOWN: usize = 100;
/// Trades of one instrument that may wait for the next interval: 100 ms at 160,000 a second. Beyond it a snapshot follows.
pub const TAPE_FRESH: usize = 16_384;
/// Closed bars that a snapshot of the stream shows; earlier ones are history.
pub const BARS_SHOWN: usize = 10;
/// The longest that one question of a report may run: it looks at a day of ticks, or at every fill there is.
pub const REPORT_QUESTION_TIME: Duration = Duration::from_secs(600);
/// How long before or after its booking a fill may have been executed, for a report to find it: a venue that was out of reach
/// tells of its fills when it is back, days later after a long weekend.
pub const REPORT_LATE_FILLS: Duration = Duration::from_secs(7 * 86_400);
/// Rows that a report reads at a time: about 40 MB of fills as text. However many there are, it holds no more of them.
pub const REPORT_PAGE: usize = 200_000;
/// How old a quote or trade may be to say where the market was when an order was made.
pub const REFERENCE_AGE: Duration = Duration::from_secs(60);
/// Alerts that are over and still shown, newest first to stay; all of them are in the table `actions`.
pub const ALERTS_KEPT: usize = 200;
/// Messages about alerts that may wait for the webhook. Beyond it they are counted and said anew later.
pub const ALERT_MESSAGES: usize = 64;
/// How long after a message about an alert did not arrive it is said anew: a webhook that restarts is back by then, and one
/// that is gone for good hears little.
pub const ALERT_SAID_AGAIN: Duration = Duration::from_secs(60);
/// Log lines that a reader of the stream may be behind before it misses some, which it is told.
pub const LOG_TAP: usize = 1_024;
/// Bytes of one row that is read from PostgreSQL. A tick has about 150, a log line with its backtrace some ten thousand.
pub const COPY_ROW_BYTES: usize = 16 << 20;
/// How far the clock of a database that is to be left may differ from ours: which of its rows came before a moment must not
/// depend on who is asked. NTP keeps clocks within milliseconds; more is one that nobody sets.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);
/// Rows of an answer of PostgreSQL that are read before they are made into columns: about 1 MB of ticks.
pub const READ_ROWS: usize = 8_192;
/// Rows of a trial that are held before they are added to its digest: about 10 MB of ticks.
pub const TRIAL_ROWS: usize = 65_536;
/// Values that do not fit which a trial shows of each table: enough to see what is wrong with a mapping.
pub const REFUSALS_SHOWN: usize = 10;
/// Rows of a backfill, or of an export, that are made into columns at once: about 5 MB of ticks.
pub const BACKFILL_BATCH_ROWS: usize = 32_768;
/// Rows of a part that a backfill sorts at once, or an export writes into one file. A day that has more gets several parts.
pub const BACKFILL_PART_ROWS: usize = 2_000_000;
/// Bytes of such rows after which a backfill makes a part of fewer: each connection has that much in memory.
pub const BACKFILL_PART_BYTES: usize = 400_000_000;
/// Rows of one table of positions, balances or snapshots at one microsecond: their numbers, which rank them, leave so much
/// room between two.
pub const BACKFILL_ROWS_AT_ONCE: i64 = 1_024;
/// Slices (a table, a day, a symbol) that a comparison shows, those that differ before the others: about 10 MB of its answer.
pub const COMPARE_SLICES: usize = 5_000;
/// Rows that differ which a comparison names, and repairs that it tells of: who has more looks for a cause and not at rows.
pub const COMPARE_MISMATCHES: usize = 10_000;
/// Rows that differ which are put right in one round: about 150 MB while they are held. Further ones are the next round's.
pub const COMPARE_REPAIRS: usize = 500_000;
/// Rows that the one writer of DuckDB puts right in one transaction: less than a second.
pub const MEND_ROWS: usize = 20_000;
/// Comparisons of which the rows that differed are kept.
pub const COMPARISONS_KEPT: i64 = 100;
/// What a question to PostgreSQL may take for whose answer all of a table must be read: the first row of one without an index
/// on its time, or what all of its rows are together.
pub const LONG_QUESTION: Duration = Duration::from_secs(86_400);
