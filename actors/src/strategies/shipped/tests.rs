use messages::{Exchange, Instrument};

use super::bollinger_reversion::{Band, Bands};

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

/// Closes 1 to 20: mean 10.5, population standard deviation √(399/12) = 5.766281…
#[test]
fn bollinger_bands_of_a_known_series() {
    let mut bands = Bands::new(instrument(), 20, 1.0).unwrap();
    let last = (1..=20).filter_map(|close| bands.next(f64::from(close), 2.0)).last().unwrap();
    let deviation = (399.0_f64 / 12.0).sqrt();
    let expected = Band { lower: 10.5 - 2.0 * deviation, middle: 10.5, upper: 10.5 + 2.0 * deviation };
    assert!((last.lower - expected.lower).abs() < 1e-9 && (last.middle - expected.middle).abs() < 1e-9, "{last:?}");
    assert!((last.upper - expected.upper).abs() < 1e-9, "{last:?}");
}

#[test]
fn bands_need_their_length() {
    let mut bands = Bands::new(instrument(), 20, 1.0).unwrap();
    assert_eq!((1..20).filter_map(|close| bands.next(f64::from(close), 2.0)).count(), 0);
}

/// The ten-day average of the closes in the spreadsheet of StockCharts' ChartSchool ("Moving averages"):
/// its first value is the simple average, and each next one 2/11 of the way to the close.
#[test]
fn the_exponential_average_moves_two_elevenths_of_the_way() {
    use yata::core::Method;
    let mut average = yata::methods::EMA::new(10, &22.22).unwrap();
    let next = average.next(&22.15);
    assert!((next - (22.22 + 2.0 / 11.0 * (22.15 - 22.22))).abs() < 1e-12, "{next}");
}
