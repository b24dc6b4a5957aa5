//! Fee models: what a fill costs, in quote asset.

use messages::instrument::Rules;
use messages::orders::Liquidity;
use messages::{Cash, Price, Quantity, UtcNanos};
use serde::Deserialize;

/// A fill, as a fee model sees it.
#[derive(Debug, Clone, Copy)]
pub struct Filled<'a> {
    /// The instrument's rules.
    pub rules: &'a Rules,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Made or took.
    pub liquidity: Liquidity,
    /// When.
    pub at: UtcNanos,
    /// What was filled of its order before.
    pub filled_before: Quantity,
    /// price × quantity of what was filled of its order before.
    pub value_before: Cash,
    /// What its order has paid before.
    pub paid_before: Cash,
}

impl Filled<'_> {
    /// price × quantity; `None` out of range.
    #[must_use]
    pub fn value(&self) -> Option<Cash> {
        self.price.times(self.quantity)
    }
}

/// What a fill costs.
pub trait FeeModel: Send {
    /// The fee in quote asset, negative for a rebate; `None` where it is out of range. Asked once for every fill, in order.
    fn fee(&mut self, fill: &Filled<'_>) -> Option<Cash>;
}

/// Parts of the value of the fill.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ppm {
    /// Of a fill that rested, in millionths.
    pub maker_ppm: i64,
    /// Of a fill that took, in millionths.
    pub taker_ppm: i64,
}

impl Ppm {
    fn of(self, liquidity: Liquidity) -> i64 {
        match liquidity {
            Liquidity::Maker => self.maker_ppm,
            Liquidity::Taker => self.taker_ppm,
        }
    }
}

impl FeeModel for Ppm {
    fn fee(&mut self, fill: &Filled<'_>) -> Option<Cash> {
        fill.value()?.per_million(self.of(fill.liquidity))
    }
}

/// Days that a tier looks back.
const WINDOW_DAYS: usize = 30;

/// Parts of the value of the fill, by the volume of the 30 UTC days before the day of the fill: a tier is set once a day, as
/// Binance and Alpaca (crypto) do. Volume is counted in quote asset, over all instruments as if they had one.
///
/// Volume that traded before this start is not known here; `opening_volume` stands for it for 30 days.
#[derive(Debug, Clone)]
pub struct Tiers {
    /// By the volume from which on they hold, lowest first.
    tiers: Vec<Tier>,
    opening_volume: Cash,
    first_day: Option<i64>,
    today: i64,
    /// Volume by day, at the day modulo the window and today.
    days: [Cash; WINDOW_DAYS + 1],
    rate: Ppm,
}

/// One tier.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The volume of 30 days from which on it holds, in quote asset.
    volume: Cash,
    /// Of a fill that rested, in millionths.
    maker_ppm: i64,
    /// Of a fill that took, in millionths.
    taker_ppm: i64,
}

/// Its parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierList {
    /// The tiers, lowest first; the first from a volume of 0 on.
    tiers: Vec<Tier>,
    /// What the account traded in the 30 days before.
    #[serde(default)]
    opening_volume: Cash,
}

impl Tiers {
    /// From its parameters.
    ///
    /// # Errors
    /// No tier from 0 on, or tiers out of order.
    pub fn new(p: TierList) -> Result<Self, String> {
        let first = p.tiers.first().filter(|tier| tier.volume.is_zero());
        let Some(first) = first else {
            return Err("`tiers` must begin with one of volume 0".to_owned());
        };
        if let Some(pair) = p.tiers.windows(2).find(|pair| pair[0].volume >= pair[1].volume) {
            return Err(format!(
                "`tiers`: {} stands behind {}; expected rising volumes",
                pair[1].volume, pair[0].volume
            ));
        }
        let rate = Ppm { maker_ppm: first.maker_ppm, taker_ppm: first.taker_ppm };
        let days = [Cash::ZERO; WINDOW_DAYS + 1];
        Ok(Self { tiers: p.tiers, opening_volume: p.opening_volume, first_day: None, today: i64::MIN, days, rate })
    }

    fn place(day: i64) -> usize {
        day.rem_euclid(WINDOW_DAYS as i64 + 1) as usize
    }

    /// A day begins: those that fall out of the window are forgotten, and the tier is set.
    fn begin(&mut self, day: i64) {
        let first = *self.first_day.get_or_insert(day);
        let skipped = day.saturating_sub(self.today).min(WINDOW_DAYS as i64 + 1);
        (0..skipped).for_each(|back| self.days[Self::place(day - back)] = Cash::ZERO);
        self.today = day;
        let opening = if day.saturating_sub(first) < WINDOW_DAYS as i64 { self.opening_volume } else { Cash::ZERO };
        let volume = self.days.iter().fold(opening, |sum, day| sum.checked_add(*day).unwrap_or(Cash::MAX));
        if let Some(tier) = self.tiers.iter().rev().find(|tier| tier.volume <= volume) {
            self.rate = Ppm { maker_ppm: tier.maker_ppm, taker_ppm: tier.taker_ppm };
        }
    }
}

impl FeeModel for Tiers {
    fn fee(&mut self, fill: &Filled<'_>) -> Option<Cash> {
        let day = fill.at.day();
        if day > self.today {
            self.begin(day);
        }
        let value = fill.value()?;
        let today = &mut self.days[Self::place(self.today)];
        *today = today.checked_add(value).unwrap_or(Cash::MAX);
        value.per_million(self.rate.of(fill.liquidity))
    }
}

/// So much per unit (a share), at least so much per order and at most a part of the order's value: as brokers of shares charge.
#[derive(Debug, Clone, Copy)]
pub struct PerUnit {
    p: UnitPrice,
}

/// Its parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPrice {
    /// Per unit, in quote asset.
    per_unit: Price,
    /// At least this per order that fills, in quote asset; 0 for none.
    #[serde(default)]
    minimum: Cash,
    /// At most this part of the order's value, in millionths; 0 for none. Goes before the minimum.
    #[serde(default)]
    maximum_ppm: i64,
}

impl PerUnit {
    /// From its parameters.
    ///
    /// # Errors
    /// A price, minimum or maximum below zero.
    pub fn new(p: UnitPrice) -> Result<Self, String> {
        if p.per_unit.is_negative() || p.minimum.is_negative() || p.maximum_ppm < 0 {
            return Err(format!(
                "per_unit {}, minimum {}, maximum_ppm {}; expected none below 0",
                p.per_unit, p.minimum, p.maximum_ppm
            ));
        }
        Ok(Self { p })
    }

    /// What an order owes in all for what was filled of it.
    fn owed(&self, filled: Quantity, value: Cash) -> Option<Cash> {
        let plain = self.p.per_unit.times(filled)?.max(self.p.minimum);
        if self.p.maximum_ppm == 0 { Some(plain) } else { Some(plain.min(value.per_million(self.p.maximum_ppm)?)) }
    }
}

impl FeeModel for PerUnit {
    fn fee(&mut self, fill: &Filled<'_>) -> Option<Cash> {
        let filled = fill.filled_before.checked_add(fill.quantity)?;
        let owed = self.owed(filled, fill.value_before.checked_add(fill.value()?)?)?;
        owed.checked_sub(fill.paid_before)
    }
}
