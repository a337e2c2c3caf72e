//! Half-precision floats (IEEE 754 binary16): a sign, 5 bits of exponent, 10 of fraction.

/// Returns the number with these bits.
pub fn to_f32(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

/// Returns the bits of the nearest number. If two numbers are equally near, it is the even one.
pub fn from_f64(number: f64) -> u16 {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    sign | match number.abs() {
        nan if nan.is_nan() => 0x7e00,
        huge if huge >= 65520.0 => 0x7c00,
        tiny if tiny < 2.0_f64.powi(-14) => rounded(tiny * 2.0_f64.powi(24)),
        normal => {
            let exponent = i32::try_from(normal.to_bits() >> 52).expect("11 bits") - 1023;
            // From 1024 to 2048; 2048 increments the exponent.
            let fraction = rounded(normal * 2.0_f64.powi(10 - exponent));
            (u16::try_from(exponent + 14).expect("from 0 to 29") << 10) + fraction
        }
    }
}

fn rounded(number: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 2048")]
    let whole = number.round_ties_even() as u16;
    whole
}

#[test]
fn a_half_is_what_the_standard_says() {
    let check = |bits: u16, expected: f32| assert_eq!(to_f32(bits), expected, "{bits:04x}");
    check(0x3c00, 1.0);
    check(0xc000, -2.0);
    check(0x7bff, 65504.0);
    check(0x0001, 2.0_f32.powi(-24));
    check(0x3555, 0.333_251_95);
    check(0xfc00, f32::NEG_INFINITY);
    assert!(to_f32(0x7e00).is_nan());
}

#[test]
fn every_half_but_some_nans_comes_back_and_others_become_the_nearest() {
    for bits in 0..=u16::MAX {
        let number = to_f32(bits);
        let expected = if number.is_nan() { bits & 0x8000 | 0x7e00 } else { bits };
        assert!(from_f64(number.into()) & 0x7fff == expected & 0x7fff, "{bits:04x}");
        assert!(number.is_nan() || from_f64(number.into()) == bits, "{bits:04x}");
    }
    let check = |number: f64, expected: u16| assert_eq!(from_f64(number), expected, "{number}");
    check(1.0 / 3.0, 0x3555);
    check(65519.9, 0x7bff);
    check(65520.0, 0x7c00);
    check(-1e300, 0xfc00);
    check(2049.0, 0x6800);
    check(2051.0, 0x6802);
    check(2.0_f64.powi(-26), 0);
    check(2.0_f64.powi(-14) - 2.0_f64.powi(-26), 0x0400);
    check(-0.0, 0x8000);
}
