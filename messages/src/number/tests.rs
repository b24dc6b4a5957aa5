use proptest::prelude::*;

use super::*;

#[test]
fn texts_become_numbers_or_say_why_not() {
    fn check(text: &str, expected: Result<i64, NumberError>) {
        assert_eq!(Price::parse(text.as_bytes()).map(Price::raw), expected, "{text}");
        assert_eq!(Price::parse_tick(text.as_bytes()).map(Price::raw), expected, "tick {text}");
    }
    check("61860.80000000", Ok(6_186_080_000_000));
    check("0.00000001", Ok(1));
    check("-1.5", Ok(-150_000_000));
    check("+2", Ok(200_000_000));
    check("7.", Ok(700_000_000));
    check(".5", Ok(50_000_000));
    check("9999999999.99999999", Ok(DECIMAL_18_MAX));
    check("10000000000", Err(NumberError::OutOfRange));
    check("1.000000000", Ok(100_000_000));
    check("1.000000001", Err(NumberError::TooManyDecimals { max: 8 }));
    check("", Err(NumberError::Empty));
    check(".", Err(NumberError::Empty));
    check("-", Err(NumberError::Empty));
    check("1e5", Err(NumberError::Malformed));
    check("1.2.3", Err(NumberError::Malformed));
    check("NaN", Err(NumberError::Malformed));
    check(&"9".repeat(65), Err(NumberError::OutOfRange));
}

#[test]
fn the_ninth_decimal_of_a_size_is_rounded_half_to_even_and_told() {
    fn check(text: &str, raw: i64, rounded: bool) {
        let (size, told) = Size::parse_tick(text.as_bytes()).unwrap();
        assert_eq!((size.raw(), told), (raw, rounded), "{text}");
    }
    check("1.000000015", 100_000_002, true);
    check("1.000000025", 100_000_002, true);
    check("1.0000000251", 100_000_003, true);
    check("1.000000010", 100_000_001, false);
}

#[test]
fn division_rounds_half_to_even() {
    for (value, expected) in [(5, 2), (15, 2), (25, 2), (35, 4), (-5, 0), (-15, -2), (26, 3), (-26, -3)] {
        assert_eq!(div_half_even(value, 10), if value == 5 { 0 } else { expected }, "{value}");
    }
}

#[test]
fn display_has_no_trailing_zeros_and_keeps_the_sign() {
    assert_eq!(Price::parse(b"61860.80000000").unwrap().to_string(), "61860.8");
    assert_eq!(Cash::parse(b"-0.000000001").unwrap().to_string(), "-0.000000001");
    assert_eq!(Quantity::ZERO.to_string(), "0");
}

#[test]
fn numbers_are_text_for_people_and_integers_in_journals() {
    let price = Price::parse(b"12.5").unwrap();
    assert_eq!(serde_json::to_string(&price).unwrap(), "\"12.5\"");
    assert_eq!(serde_json::from_str::<Price>("\"12.5\"").unwrap(), price);
    let bytes = postcard::to_stdvec(&price).unwrap();
    assert_eq!(postcard::from_bytes::<Price>(&bytes).unwrap(), price);
    let too_large = postcard::to_stdvec(&i64::MAX).unwrap();
    assert!(postcard::from_bytes::<Price>(&too_large).is_err());
}

proptest! {
    #[test]
    fn a_displayed_number_parses_to_itself(raw in -DECIMAL_38_MAX..=DECIMAL_38_MAX) {
        let cash = Cash::from_raw(raw).unwrap();
        prop_assert_eq!(cash.to_string().parse::<Cash>().unwrap(), cash);
    }

    #[test]
    fn both_price_parsers_agree_on_any_bytes(text in "[0-9.+-]{0,24}") {
        prop_assert_eq!(Price::parse(text.as_bytes()), Price::parse_tick(text.as_bytes()));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(text in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Price::parse_tick(&text);
        let _ = Size::parse_tick(&text);
        let _ = Quantity::parse(&text);
    }

    #[test]
    fn shares_of_a_basis_add_up(basis in -1_000_000_000_000_000_000i128..1_000_000_000_000_000_000,
                                whole in 1i128..1_000_000_000_000_000, cut in 0.0f64..1.0) {
        let part = Quantity::from_raw((whole as f64 * cut) as i128).unwrap();
        let whole = Quantity::from_raw(whole).unwrap();
        let basis = Cash::from_raw(basis).unwrap();
        let taken = basis.share(part, whole).unwrap();
        let left = basis.checked_sub(taken).unwrap();
        prop_assert_eq!(taken.checked_add(left).unwrap(), basis);
        prop_assert!(taken.abs() <= basis.abs());
    }
}
