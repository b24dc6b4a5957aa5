//! Chance from a seed: the only randomness of what must come out again the same.
//!
//! Invariant: the same seed and the same questions give the same answers on every machine.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014; public
/// domain code by Vigna). Small, seedable, good enough for a market and a venue that are not real.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// Numbers that the same seed gives again.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and nothing iterates over it")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `bound` - 1, by Lemire's multiplication; the bias of at most bound / 2^64 does not matter.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// -`width` to `width`.
    pub fn within(&mut self, width: i128) -> i128 {
        let width = u64::try_from(width).unwrap_or(0);
        i128::from(self.below(2 * width + 1)) - i128::from(width)
    }

    /// Exponentially distributed with mean 1, in 1/65,536: -ln of a uniform number. The logarithm
    /// is that of the highest bit and a parabola through the rest, within 1 % of the true one.
    pub fn exponential(&mut self) -> u64 {
        const LN_2: u64 = 45_426;
        let uniform = self.next() | 1;
        let zeros = u64::from(uniform.leading_zeros());
        let rest = ((uniform << zeros) >> 47) & 0xffff;
        let log2 = rest + ((rest * (65_536 - rest)) >> 16) * 344 / 1_000;
        (((zeros + 1) * 65_536 - log2.min(65_536)) * LN_2) >> 16
    }

    /// One of the streams of a seed: what is drawn from one changes nothing in another.
    ///
    /// # Panics
    /// Never: a hash has more than eight bytes.
    #[must_use]
    pub fn stream(seed: u64, name: &str) -> Self {
        let hash = messages::ids::hash(format!("{name}:{seed}").as_bytes());
        Self(u64::from_le_bytes(hash[..8].try_into().expect("eight bytes of thirty-two")))
    }

    /// True `parts` times out of a million.
    pub fn per_million(&mut self, parts: u32) -> bool {
        self.below(1_000_000) < u64::from(parts)
    }

    /// Uniform above 0 and up to 1, in steps of 2^-53: for models of time and chance, never for money.
    pub fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Normally distributed with mean 0 and deviation 1 (Box and Muller 1958), by `libm`, whose results are the same on every machine.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1_and_come_again() {
        let draw = || {
            let mut chance = SplitMix64::new(3);
            (0..20_000).map(|_| chance.normal()).collect::<Vec<f64>>()
        };
        let found = draw();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let variance = found.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / found.len() as f64;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
        assert_eq!(found, draw());
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let first = |name| SplitMix64::stream(7, name).next();
        assert_ne!(first("a"), first("b"));
        assert_eq!(first("a"), first("a"));
    }
}
