//! How a venue misbehaves: rules by hand, or a plan from a seed. The same seed gives the same faults for the same requests.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An answer or frame comes later; what follows on its link waits for it.
    Delay(Duration),
    /// A frame comes later than those that follow it.
    Reorder(Duration),
    /// A request is not looked at, and its connection ends; a frame is not sent.
    Lose,
    /// A request is done, and its connection ends without an answer.
    LoseAnswer,
    /// A frame is sent twice.
    Duplicate,
    /// A request is not looked at, and answered with this status.
    FailBefore(u16),
    /// A request is done, and answered with this status.
    FailAfter(u16),
    /// A request is refused for its rate: wait so many seconds.
    TooMany(u64),
    /// The client is banned for so many seconds.
    Banned(u64),
    /// Nothing more is heard or said on this connection, which stays open.
    HalfOpen,
    /// Half of an answer or frame, as if it were the whole.
    Malformed,
    /// A frame that nobody has seen before comes first; an answer has a field more.
    Unknown,
    /// The connection is cut after this frame; for a request as [`Fault::LoseAnswer`].
    Disconnect,
}

/// Where and how often something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Begin of the points that are meant: `POST /api/v3/order`, `order.place`, `event:fill`, `connect`; empty for all.
    pub at: String,
    /// So many such points pass first.
    pub skip: u32,
    /// So many are hit then.
    pub times: u32,
    /// Of a million points so many are hit.
    pub per_million: u32,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// The next time that something happens at this point.
    #[must_use]
    pub fn once(at: &str, fault: Fault) -> Self {
        Self { at: at.to_owned(), skip: 0, times: 1, per_million: 1_000_000, fault }
    }
}

/// What a plan lets go wrong at the answers to requests, and at events.
const PLAN: &[(&str, Fault)] = &[
    ("POST", Fault::Delay(Duration::from_millis(40))),
    ("POST", Fault::Lose),
    ("POST", Fault::LoseAnswer),
    ("POST", Fault::FailBefore(503)),
    ("POST", Fault::FailAfter(500)),
    ("DELETE", Fault::LoseAnswer),
    ("DELETE", Fault::FailAfter(504)),
    ("GET", Fault::FailBefore(502)),
    ("GET", Fault::Malformed),
    ("GET", Fault::TooMany(1)),
    ("order.", Fault::Lose),
    ("order.", Fault::LoseAnswer),
    ("order.", Fault::FailAfter(504)),
    ("event:", Fault::Delay(Duration::from_millis(40))),
    ("event:", Fault::Reorder(Duration::from_millis(40))),
    ("event:", Fault::Duplicate),
    ("event:", Fault::Lose),
    ("event:", Fault::Malformed),
    ("event:", Fault::Unknown),
    ("event:", Fault::Disconnect),
    ("event:", Fault::HalfOpen),
];

/// The faults of a venue.
#[derive(Debug, Clone)]
pub struct Faults {
    rules: Vec<Rule>,
    random: u64,
    /// What went wrong so far, by point and fault.
    pub done: BTreeMap<String, u64>,
}

impl Faults {
    /// None, with chance from a seed for rules that have one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), random: seed, done: BTreeMap::new() }
    }

    /// All kinds of faults, each at so many of a million points.
    pub fn plan(&mut self, per_million: u32) {
        let rule = |(at, fault): &(&str, Fault)| Rule { times: u32::MAX, per_million, ..Rule::once(at, *fault) };
        self.rules.extend(PLAN.iter().map(rule));
    }

    /// One more; rules are asked in the order in which they came.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// No more faults.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// What goes wrong at a point.
    pub fn at(&mut self, point: &str) -> Option<Fault> {
        for index in 0..self.rules.len() {
            let rule = &self.rules[index];
            if rule.times == 0 || !point.starts_with(&rule.at) {
                continue;
            }
            let (fault, certain, below) = (rule.fault, rule.per_million >= 1_000_000, u64::from(rule.per_million));
            if !certain && self.chance() % 1_000_000 >= below {
                continue;
            }
            let rule = &mut self.rules[index];
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = if rule.times == u32::MAX { rule.times } else { rule.times - 1 };
            *self.done.entry(format!("{point} {fault:?}")).or_default() += 1;
            return Some(fault);
        }
        None
    }

    /// SplitMix64.
    fn chance(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Reads `delay:40`, `fail-after:500`, `lose-answer`, …; times are milliseconds, waits are seconds.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        let value = || number.parse::<u64>().map_err(|_| format!("`{text}`: expected a number after the colon"));
        let status = || u16::try_from(value()?).map_err(|_| format!("`{text}`: expected an HTTP status"));
        Ok(match name {
            "delay" => Self::Delay(Duration::from_millis(value()?)),
            "reorder" => Self::Reorder(Duration::from_millis(value()?)),
            "lose" => Self::Lose,
            "lose-answer" => Self::LoseAnswer,
            "duplicate" => Self::Duplicate,
            "fail-before" => Self::FailBefore(status()?),
            "fail-after" => Self::FailAfter(status()?),
            "too-many" => Self::TooMany(value()?),
            "banned" => Self::Banned(value()?),
            "half-open" => Self::HalfOpen,
            "malformed" => Self::Malformed,
            "unknown" => Self::Unknown,
            "disconnect" => Self::Disconnect,
            _ => {
                return Err(format!(
                    "`{text}` is no fault; expected delay:MS, reorder:MS, lose, lose-answer, duplicate, fail-before:STATUS, fail-after:STATUS, too-many:S, banned:S, half-open, malformed, unknown or disconnect"
                ));
            }
        })
    }
}
