//! A synthetic market from a seed: trades with ids as Alpaca gives them, corrections and cancels, quotes, crypto books,
//! bars. It keeps all trades, as history does.

use std::collections::BTreeMap;

use messages::UtcNanos;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Exchanges of stocks, each with ids of its own.
const EXCHANGES: [char; 3] = ['V', 'D', 'Q'];

/// Numbers from a seed (SplitMix64).
#[derive(Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn signed(&mut self, below: u64) -> i64 {
        i64::try_from(self.below(below)).unwrap_or(0)
    }
}

/// What became of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stands.
    Stands,
    /// It was cancelled.
    Canceled,
    /// It was corrected: another stands for it.
    Incorrect,
    /// It stands for one that was corrected.
    Corrected,
}

/// A trade of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// When.
    pub time: UtcNanos,
    /// The exchange's letter; none of crypto.
    pub exchange: Option<char>,
    /// Its id.
    pub id: u64,
    /// In hundredths.
    pub price: i64,
    /// Whole.
    pub size: i64,
    /// What became of it.
    pub fate: Fate,
}

fn cents(price: i64) -> String {
    format!("{}.{:02}", price / 100, price % 100)
}

impl Trade {
    /// Its fields as JSON, without braces.
    fn fields(&self) -> String {
        let Self { time, id, size, .. } = self;
        let place = match self.exchange {
            Some(letter) => format!(r#""x":"{letter}","c":["@"],"z":"C""#),
            None => r#""tks":"B""#.to_owned(),
        };
        format!(r#""t":"{time:?}","p":{},"s":{size},"i":{id},{place}"#, cents(self.price))
    }

    /// As a row of history.
    #[must_use]
    pub fn row(&self) -> String {
        let update = match self.fate {
            Fate::Stands => "",
            Fate::Canceled => r#","u":"canceled""#,
            Fate::Incorrect => r#","u":"incorrect""#,
            Fate::Corrected => r#","u":"corrected""#,
        };
        format!("{{{}{update}}}", self.fields())
    }
}

/// A message for those who subscribed its channel and symbol.
pub struct Message {
    /// The channel.
    pub channel: &'static str,
    /// The symbol.
    pub symbol: String,
    /// Its JSON.
    pub json: String,
}

/// The market of some symbols.
#[derive(Debug)]
pub struct Market {
    symbols: Vec<String>,
    crypto: bool,
    numbers: Numbers,
    next: UtcNanos,
    price: BTreeMap<String, i64>,
    ids: BTreeMap<(String, Option<char>), u64>,
    /// Every trade by symbol, in order of time.
    pub trades: BTreeMap<String, Vec<Trade>>,
    /// Trades to be corrected or cancelled: when, whose, which.
    doubtful: Vec<(UtcNanos, String, Trade)>,
    /// Bids and asks by price, in hundredths, with whole sizes.
    pub books: BTreeMap<String, [BTreeMap<i64, i64>; 2]>,
    bar: UtcNanos,
}

impl Market {
    pub fn new(symbols: Vec<String>, crypto: bool, seed: u64, begin: UtcNanos) -> Self {
        let price = symbols.iter().map(|symbol| (symbol.clone(), 10_000)).collect();
        let side = |from: i64| (0..5).map(|n| (from + n * 3, 10 + n)).collect();
        let book = |symbol: &String| (symbol.clone(), [side(9_900), side(10_100)]);
        let books = if crypto { symbols.iter().map(book).collect() } else { BTreeMap::new() };
        let trades = symbols.iter().map(|symbol| (symbol.clone(), Vec::new())).collect();
        Self {
            symbols,
            crypto,
            numbers: Numbers(seed),
            next: begin,
            price,
            ids: BTreeMap::new(),
            trades,
            doubtful: Vec::new(),
            books,
            bar: begin.floor_to(std::time::Duration::from_secs(60)),
        }
    }

    /// Whether it has the symbol.
    pub fn has(&self, symbol: &str) -> bool {
        self.trades.contains_key(symbol)
    }

    /// When something happens next.
    pub fn next_due(&self) -> UtcNanos {
        self.next
    }

    /// What happens up to `now`.
    pub fn happens(&mut self, now: UtcNanos, out: &mut Vec<Message>) {
        while self.next <= now {
            let at = self.next;
            self.event(at, out);
            self.settle(at, out);
            if at.since(self.bar) >= MINUTE + SECOND {
                self.bars(out);
            }
            self.next = UtcNanos(at.0 + 20_000_000 + self.numbers.signed(400_000_000));
        }
    }

    fn event(&mut self, at: UtcNanos, out: &mut Vec<Message>) {
        let which = self.numbers.below(self.symbols.len() as u64);
        let symbol = self.symbols[usize::try_from(which).unwrap_or(0)].clone();
        let step = self.numbers.signed(7) - 3;
        let price = self.price.get_mut(&symbol).map_or(10_000, |price| {
            *price = (*price + step).max(5_000);
            *price
        });
        match self.numbers.below(10) {
            0..5 => self.trade(&symbol, price, at, out),
            5..7 if self.crypto => self.book(&symbol, price, at, out),
            _ => {
                let json = format!(
                    r#"{{"T":"q","S":"{symbol}","bx":"V","bp":{},"bs":{},"ax":"Q","ap":{},"as":2,"t":"{at:?}","c":["R"],"z":"C"}}"#,
                    cents(price - 2),
                    1 + self.numbers.below(9),
                    cents(price + 2)
                );
                out.push(Message { channel: "quotes", symbol, json });
            }
        }
    }

    fn next_id(&mut self, symbol: &str, exchange: Option<char>) -> u64 {
        let id = self.ids.entry((symbol.to_owned(), exchange)).or_insert(0);
        *id += 1;
        *id
    }

    fn trade(&mut self, symbol: &str, price: i64, at: UtcNanos, out: &mut Vec<Message>) {
        let exchange = (!self.crypto).then(|| EXCHANGES[usize::try_from(self.numbers.below(3)).unwrap_or(0)]);
        // Some are reported late, behind others of a later time.
        let late = if self.numbers.below(20) == 0 { self.numbers.signed(3) * SECOND } else { 0 };
        let (time, id) = (UtcNanos(at.0 - late), self.next_id(symbol, exchange));
        let trade = Trade { time, exchange, id, price, size: 1 + self.numbers.signed(500), fate: Fate::Stands };
        let json = format!(r#"{{"T":"t","S":"{symbol}",{}}}"#, trade.fields());
        out.push(Message { channel: "trades", symbol: symbol.to_owned(), json });
        if !self.crypto && self.numbers.below(50) == 0 {
            let when = UtcNanos(at.0 + (1 + self.numbers.signed(8)) * SECOND);
            self.doubtful.push((when, symbol.to_owned(), trade.clone()));
        }
        self.keep(symbol, trade);
    }

    fn keep(&mut self, symbol: &str, trade: Trade) {
        let trades = self.trades.entry(symbol.to_owned()).or_default();
        let place = trades.partition_point(|other| other.time <= trade.time);
        trades.insert(place, trade);
    }

    /// Corrects or cancels what was doubtful.
    fn settle(&mut self, at: UtcNanos, out: &mut Vec<Message>) {
        let (due, later): (Vec<_>, Vec<_>) = self.doubtful.drain(..).partition(|(when, ..)| *when <= at);
        self.doubtful = later;
        for (_, symbol, trade) in due {
            let cancel = self.numbers.below(2) == 0;
            let fate = if cancel { Fate::Canceled } else { Fate::Incorrect };
            let all = self.trades.get_mut(&symbol).into_iter().flatten();
            all.filter(|known| **known == trade).for_each(|known| known.fate = fate);
            let json = if cancel { canceled(&symbol, &trade, at) } else { self.correct(&symbol, &trade, at) };
            out.push(Message { channel: "trades", symbol, json });
        }
    }

    fn correct(&mut self, symbol: &str, trade: &Trade, at: UtcNanos) -> String {
        let id = self.next_id(symbol, trade.exchange);
        let corrected = Trade { id, price: trade.price + 1, fate: Fate::Corrected, ..trade.clone() };
        let json = format!(
            r#"{{"T":"c","S":"{symbol}","x":"{}","oi":{},"op":{},"os":{},"oc":["@"],"ci":{id},"cp":{},"cs":{},"cc":["@"],"t":"{at:?}","z":"C"}}"#,
            trade.exchange.unwrap_or('V'),
            trade.id,
            cents(trade.price),
            trade.size,
            cents(corrected.price),
            corrected.size
        );
        self.keep(symbol, corrected);
        json
    }

    fn book(&mut self, symbol: &str, price: i64, at: UtcNanos, out: &mut Vec<Message>) {
        let Some(book) = self.books.get_mut(symbol) else { return };
        let side = usize::try_from(self.numbers.below(2)).unwrap_or(0);
        let away = 10 + self.numbers.signed(30);
        let (level, size) = (if side == 0 { 9_950 - away } else { 10_050 + away }, self.numbers.signed(4));
        let _ = price;
        if size == 0 {
            book[side].remove(&level)
        } else {
            book[side].insert(level, size)
        };
        let changed = format!(r#"[{{"p":{},"s":{size}}}]"#, cents(level));
        let sides = if side == 0 { [changed.as_str(), "[]"] } else { ["[]", changed.as_str()] };
        let json = format!(r#"{{"T":"o","S":"{symbol}","t":"{at:?}","b":{},"a":{}}}"#, sides[0], sides[1]);
        out.push(Message { channel: "orderbooks", symbol: symbol.to_owned(), json });
    }

    /// A whole book, as a new subscription gets it.
    pub fn whole_book(&self, symbol: &str, at: UtcNanos) -> Option<String> {
        let side = |levels: &BTreeMap<i64, i64>| {
            let levels: Vec<String> =
                levels.iter().map(|(price, size)| format!(r#"{{"p":{},"s":{size}}}"#, cents(*price))).collect();
            levels.join(",")
        };
        let [bids, asks] = self.books.get(symbol)?;
        let (bids, asks) = (side(bids), side(asks));
        Some(format!(r#"{{"T":"o","S":"{symbol}","t":"{at:?}","b":[{bids}],"a":[{asks}],"r":true}}"#))
    }

    /// The bars of the minute that is over, and again of the one before, as corrected.
    fn bars(&mut self, out: &mut Vec<Message>) {
        for (kind, channel, open) in [("b", "bars", self.bar.0), ("u", "updatedBars", self.bar.0 - MINUTE)] {
            for symbol in &self.symbols {
                let trades = self.trades.get(symbol).into_iter().flatten();
                let of_bar = trades.filter(|t| (open..open + MINUTE).contains(&t.time.0));
                let standing: Vec<&Trade> =
                    of_bar.filter(|t| matches!(t.fate, Fate::Stands | Fate::Corrected)).collect();
                let (Some(first), Some(last)) = (standing.first(), standing.last()) else { continue };
                let prices = || standing.iter().map(|t| t.price);
                let (high, low) = (prices().max().unwrap_or(0), prices().min().unwrap_or(0));
                let volume: i64 = standing.iter().map(|t| t.size).sum();
                let average = standing.iter().map(|t| t.price * t.size).sum::<i64>() / volume;
                let json = format!(
                    r#"{{"T":"{kind}","S":"{symbol}","o":{},"h":{},"l":{},"c":{},"v":{volume},"t":"{:?}","n":{},"vw":{}}}"#,
                    cents(first.price),
                    cents(high),
                    cents(low),
                    cents(last.price),
                    UtcNanos(open),
                    standing.len(),
                    cents(average)
                );
                out.push(Message { channel, symbol: symbol.clone(), json });
            }
        }
        self.bar = UtcNanos(self.bar.0 + MINUTE);
    }
}

fn canceled(symbol: &str, trade: &Trade, at: UtcNanos) -> String {
    let exchange = trade.exchange.unwrap_or('V');
    format!(
        r#"{{"T":"x","S":"{symbol}","i":{},"x":"{exchange}","p":{},"s":{},"a":"C","z":"C","t":"{at:?}"}}"#,
        trade.id,
        cents(trade.price),
        trade.size
    )
}
