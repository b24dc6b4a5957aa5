//! `bollinger_reversion`: buys below the lower Bollinger band, sells above the upper one, and closes
//! when the price is back at the average. Bands: average ± width × population standard deviation
//! (J. Bollinger, "Bollinger on Bollinger Bands", 2001).

use messages::market::{Bar, Timeframe};
use messages::orders::OrderRequest;
use messages::{Cash, Instrument, Quantity};
use serde::{Deserialize, Serialize};
use yata::core::Method;
use yata::methods::{SMA, StDev};

use super::{read, step, write};
use crate::strategies::api::{Context, Strategy, Wants, WarmUp};

/// Its parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Length of the average, in bars.
    pub length: u16,
    /// Width of the bands, in standard deviations.
    pub width: f64,
    /// Length of the bars.
    pub timeframe: Timeframe,
    /// Value of a position, in quote asset.
    pub notional: Cash,
}

impl Default for Parameters {
    fn default() -> Self {
        let notional = Cash::from_raw(1_000 * Cash::ONE.raw()).unwrap_or(Cash::ONE);
        Self { length: 20, width: 2.0, timeframe: Timeframe::SECOND, notional }
    }
}

/// The bands of one instrument. Prices are taken relative to the first close: sums of squares of large
/// prices lose the small deviations that the bands are made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bands {
    instrument: Instrument,
    origin: f64,
    average: SMA,
    deviation: StDev,
    length: u16,
    bars: u32,
}

/// The bands after a close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Band {
    pub lower: f64,
    pub middle: f64,
    pub upper: f64,
}

impl Bands {
    pub(super) fn new(instrument: Instrument, length: u16, first: f64) -> Option<Self> {
        let (average, deviation) = (SMA::new(length, &0.0).ok()?, StDev::new(length, &0.0).ok()?);
        Some(Self { instrument, origin: first, average, deviation, length, bars: 0 })
    }

    /// The bands after `close`, once there are enough closes.
    pub(super) fn next(&mut self, close: f64, width: f64) -> Option<Band> {
        let middle = self.average.next(&(close - self.origin)) + self.origin;
        let sample = self.deviation.next(&(close - self.origin));
        self.bars += 1;
        let n = f64::from(self.length);
        let reach = width * sample * ((n - 1.0) / n).sqrt();
        (self.bars >= u32::from(self.length)).then_some(Band { lower: middle - reach, middle, upper: middle + reach })
    }
}

/// The strategy.
pub struct BollingerReversion {
    parameters: Parameters,
    instruments: Vec<Instrument>,
    bands: Vec<Bands>,
}

impl BollingerReversion {
    /// # Errors
    /// A length below 2 or a width that is not positive, in words.
    pub fn new(instruments: Vec<Instrument>, parameters: Parameters) -> Result<Self, String> {
        if parameters.length < 2 {
            return Err(format!("length ({}) must be at least 2", parameters.length));
        }
        if !(parameters.width > 0.0 && parameters.width.is_finite()) {
            return Err(format!("width ({}) must be positive", parameters.width));
        }
        Ok(Self { parameters, instruments, bands: Vec::new() })
    }

    fn take(&mut self, bar: &Bar) -> Option<Band> {
        let close = bar.close.to_f64();
        let at = match self.bands.iter().position(|b| b.instrument == bar.instrument) {
            Some(at) => at,
            None => {
                self.bands.push(Bands::new(bar.instrument, self.parameters.length, close)?);
                self.bands.len() - 1
            }
        };
        self.bands[at].next(close, self.parameters.width)
    }
}

impl Strategy for BollingerReversion {
    fn wants(&self) -> Wants {
        Wants {
            instruments: self.instruments.clone(),
            bars: vec![self.parameters.timeframe],
            warm_up: Some(WarmUp { timeframe: self.parameters.timeframe, bars: u32::from(self.parameters.length) }),
            ..Wants::default()
        }
    }

    fn on_history(&mut self, _instrument: Instrument, bars: &[Bar], _context: &mut Context<'_>) {
        for bar in bars {
            self.take(bar);
        }
    }

    fn on_bar(&mut self, bar: &Bar, context: &mut Context<'_>) {
        if bar.revision > 0 {
            return;
        }
        let Some(band) = self.take(bar) else { return };
        let (close, held) = (bar.close.to_f64(), context.position(bar.instrument));
        let size = context.quantity_for(bar.instrument, self.parameters.notional, bar.close);
        let wanted = if close < band.lower {
            size
        } else if close > band.upper {
            -size
        } else if (held.is_positive() && close >= band.middle) || (held.is_negative() && close <= band.middle) {
            Quantity::ZERO
        } else {
            return;
        };
        let same_side = !wanted.is_zero() && !held.is_zero() && wanted.is_negative() == held.is_negative();
        if same_side || context.open_orders().any(|o| o.request.instrument == bar.instrument) {
            return;
        }
        if let Some((side, quantity)) = step(held, wanted) {
            context.submit(OrderRequest::market(bar.instrument, side, quantity));
        }
    }

    fn save(&self) -> Vec<u8> {
        write(&self.bands)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.bands = read(state)?;
        Ok(())
    }
}
