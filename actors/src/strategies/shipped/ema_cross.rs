//! `ema_cross`: long while the fast exponential average of closes is above the slow one, short (or
//! flat) while it is below. The textbook trend follower, with its textbook losses in a quiet market.

use messages::market::{Bar, Timeframe};
use messages::orders::OrderRequest;
use messages::{Cash, Instrument, Quantity};
use serde::{Deserialize, Serialize};
use yata::core::Method;
use yata::helpers::Peekable;
use yata::methods::EMA;

use super::{read, step, write};
use crate::strategies::api::{Context, Strategy, Wants, WarmUp};

/// Its parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Length of the fast average, in bars.
    pub fast: u16,
    /// Length of the slow average, in bars.
    pub slow: u16,
    /// Length of the bars.
    pub timeframe: Timeframe,
    /// Value of a position, in quote asset.
    pub notional: Cash,
    /// Whether it sells short, or only closes.
    pub short: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        let notional = Cash::from_raw(1_000 * Cash::ONE.raw()).unwrap_or(Cash::ONE);
        Self { fast: 10, slow: 20, timeframe: Timeframe::SECOND, notional, short: true }
    }
}

/// What is known of one instrument.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Averages {
    instrument: Instrument,
    fast: EMA,
    slow: EMA,
    bars: u32,
    wanted: Quantity,
}

/// The strategy.
pub struct EmaCross {
    parameters: Parameters,
    instruments: Vec<Instrument>,
    averages: Vec<Averages>,
}

impl EmaCross {
    /// # Errors
    /// The fast average is not faster than the slow one, in words.
    pub fn new(instruments: Vec<Instrument>, parameters: Parameters) -> Result<Self, String> {
        if parameters.fast == 0 || parameters.fast >= parameters.slow {
            return Err(format!("fast ({}) must be from 1 to below slow ({})", parameters.fast, parameters.slow));
        }
        if !parameters.notional.is_positive() {
            return Err(format!("notional ({}) must be positive", parameters.notional));
        }
        Ok(Self { parameters, instruments, averages: Vec::new() })
    }

    /// Takes a close in; the averages of its instrument, once they mean something.
    fn take(&mut self, bar: &Bar) -> Option<&mut Averages> {
        let close = bar.close.to_f64();
        let at = match self.averages.iter().position(|a| a.instrument == bar.instrument) {
            Some(at) => at,
            None => {
                let make = |length| EMA::new(length, &close).ok();
                let (fast, slow) = (make(self.parameters.fast)?, make(self.parameters.slow)?);
                self.averages.push(Averages {
                    instrument: bar.instrument,
                    fast,
                    slow,
                    bars: 0,
                    wanted: Quantity::ZERO,
                });
                self.averages.len() - 1
            }
        };
        let averages = &mut self.averages[at];
        averages.fast.next(&close);
        averages.slow.next(&close);
        averages.bars += 1;
        (averages.bars >= u32::from(self.parameters.slow)).then_some(averages)
    }
}

impl Strategy for EmaCross {
    fn wants(&self) -> Wants {
        Wants {
            instruments: self.instruments.clone(),
            bars: vec![self.parameters.timeframe],
            warm_up: Some(WarmUp { timeframe: self.parameters.timeframe, bars: u32::from(self.parameters.slow) }),
            ..Wants::default()
        }
    }

    fn on_history(&mut self, _instrument: Instrument, bars: &[Bar], _context: &mut Context<'_>) {
        for bar in bars {
            self.take(bar);
        }
    }

    fn on_bar(&mut self, bar: &Bar, context: &mut Context<'_>) {
        // A revision changes an average that later bars have moved on from: the next bar counts.
        if bar.revision > 0 {
            return;
        }
        let (short, notional) = (self.parameters.short, self.parameters.notional);
        let Some(averages) = self.take(bar) else { return };
        let (fast, slow) = (averages.fast.peek(), averages.slow.peek());
        let size = context.quantity_for(bar.instrument, notional, bar.close);
        let wanted = match fast.total_cmp(&slow) {
            std::cmp::Ordering::Greater => size,
            std::cmp::Ordering::Less if short => -size,
            std::cmp::Ordering::Less => Quantity::ZERO,
            std::cmp::Ordering::Equal => return,
        };
        let same_side =
            wanted.is_negative() == averages.wanted.is_negative() && wanted.is_zero() == averages.wanted.is_zero();
        averages.wanted = wanted;
        if same_side || context.open_orders().any(|o| o.request.instrument == bar.instrument) {
            return;
        }
        if let Some((side, quantity)) = step(context.position(bar.instrument), wanted) {
            context.submit(OrderRequest::market(bar.instrument, side, quantity));
        }
    }

    fn save(&self) -> Vec<u8> {
        write(&self.averages)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.averages = read(state)?;
        Ok(())
    }
}
