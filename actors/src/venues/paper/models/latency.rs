//! Latency models: how long a request travels to the venue, and a report back.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::chance::SplitMix64;

/// How long a message travels. A message never overtakes the one before it: one connection keeps its order.
pub trait LatencyModel: Send {
    /// The delay of the next message.
    fn delay(&mut self, chance: &mut SplitMix64) -> Duration;
}

/// The longest delay of any model: what takes longer is a broken connection, and an order without an end.
const LONGEST: Duration = Duration::from_secs(600);

/// Always the same.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// The delay.
    #[serde(default, deserialize_with = "crate::durations::deserialize")]
    pub delay: Duration,
}

impl LatencyModel for Fixed {
    fn delay(&mut self, _: &mut SplitMix64) -> Duration {
        self.delay
    }
}

/// Anything between two bounds, equally likely.
#[derive(Debug, Clone, Copy)]
pub struct Uniform {
    from_ns: u64,
    width_ns: u64,
}

/// Its parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The shortest.
    #[serde(deserialize_with = "crate::durations::deserialize")]
    from: Duration,
    /// The longest.
    #[serde(deserialize_with = "crate::durations::deserialize")]
    to: Duration,
}

impl Uniform {
    /// From its parameters.
    ///
    /// # Errors
    /// Bounds the wrong way round, or beyond ten minutes.
    pub fn new(p: Bounds) -> Result<Self, String> {
        if p.from > p.to || p.to > LONGEST {
            return Err(format!("from {:?} to {:?}; expected from ≤ to ≤ 10m", p.from, p.to));
        }
        let (from_ns, to_ns) = (ns(p.from), ns(p.to));
        Ok(Self { from_ns, width_ns: to_ns - from_ns })
    }
}

impl LatencyModel for Uniform {
    fn delay(&mut self, chance: &mut SplitMix64) -> Duration {
        Duration::from_nanos(self.from_ns + chance.below(self.width_ns + 1))
    }
}

/// The logarithm is normally distributed: half are below the median, and a few are much longer.
#[derive(Debug, Clone, Copy)]
pub struct LogNormal {
    median_ns: f64,
    sigma: f64,
    longest: Duration,
}

/// Its parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Half are shorter.
    #[serde(deserialize_with = "crate::durations::deserialize")]
    median: Duration,
    /// Standard deviation of the logarithm: at 0.5 one in 40 takes more than e times the median.
    sigma: f64,
    /// None takes longer.
    #[serde(default = "longest", deserialize_with = "crate::durations::deserialize")]
    longest: Duration,
}

fn longest() -> Duration {
    LONGEST
}

impl LogNormal {
    /// From its parameters.
    ///
    /// # Errors
    /// No median, a sigma beyond 0 to 3, or a longest one below the median or beyond ten minutes.
    pub fn new(p: Shape) -> Result<Self, String> {
        if p.median.is_zero() || !(0.0..=3.0).contains(&p.sigma) || p.longest < p.median || p.longest > LONGEST {
            return Err(format!(
                "median {:?}, sigma {}, longest {:?}; expected a median above 0s, sigma from 0 to 3, and longest from the median to 10m",
                p.median, p.sigma, p.longest
            ));
        }
        Ok(Self { median_ns: ns(p.median) as f64, sigma: p.sigma, longest: p.longest })
    }
}

impl LatencyModel for LogNormal {
    fn delay(&mut self, chance: &mut SplitMix64) -> Duration {
        let drawn = self.median_ns * libm::exp(self.sigma * chance.normal());
        Duration::from_nanos(drawn as u64).min(self.longest)
    }
}

/// One of the delays that were measured, each equally likely.
#[derive(Debug, Clone)]
pub struct Empirical {
    delays: Vec<Duration>,
}

/// Its parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// What was measured, each as often as it came.
    #[serde(deserialize_with = "list")]
    delays: Vec<Duration>,
}

fn list<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Duration>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    texts.iter().map(|text| crate::durations::parse(text).map_err(serde::de::Error::custom)).collect()
}

impl Empirical {
    /// From its parameters.
    ///
    /// # Errors
    /// No delay at all, or one beyond ten minutes.
    pub fn new(p: Measured) -> Result<Self, String> {
        if p.delays.is_empty() {
            return Err("`delays` is empty; expected at least one, as [\"3ms\", \"5ms\"]".to_owned());
        }
        if let Some(long) = p.delays.iter().find(|delay| **delay > LONGEST) {
            return Err(format!("`delays` has {long:?}; expected at most 10m"));
        }
        Ok(Self { delays: p.delays })
    }
}

impl LatencyModel for Empirical {
    fn delay(&mut self, chance: &mut SplitMix64) -> Duration {
        self.delays[chance.below(self.delays.len() as u64) as usize]
    }
}

/// Nanoseconds of a delay of at most ten minutes.
fn ns(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)
}
