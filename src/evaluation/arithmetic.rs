//! The fingerprint of arithmetic: whether two processes can be expected to find the same bits.
//!
//! One function has other last bits where its elementary functions have. One binary with one libm finds others on a CPU
//! without fused multiply-add (0.03 to 0.1 % of arguments, glibc 2.36), and numpy has a tanh of its own (29 %).
//!
//! INVARIANT: the text depends on what the functions return and on nothing else, so equal machines never differ.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

/// Elementary functions at points `k / 2^scale` where their known variants differ.
///
/// Found by search, 2026-11-29: of two million points of each function those where glibc 2.36 on x86-64 has other bits
/// with its tunable `glibc.cpu.hwcaps=-FMA`; six of each, spread over their range. There the true value is nearly half
/// way between two numbers, so another way of computing it shows there first. `src/python` has the same table.
#[rustfmt::skip]
const POINTS: [(Function, i32, [i32; 6]); 12] = [
    (Function::One(f64::sin), 16, [8367, 356_913, 653_700, 1_015_474, 1_292_940, 1_650_761]),
    (Function::One(f64::cos), 16, [13010, 318_864, 685_412, 954_852, 1_329_915, 1_713_826]),
    (Function::One(f64::tan), 16, [209_043, 414_950, 614_559, 922_768, 1_439_223, 1_649_208]),
    (Function::One(f64::exp), 16, [-997_205, -660_400, -328_057, 18701, 316_288, 664_481]),
    (Function::One(f64::exp_m1), 18, [-494_545, -67872, 73244, 105_759, 409_385, 867_320]),
    (Function::One(f64::ln), 16, [28892, 53832, 217_709, 471_679, 1_040_075, 1_475_040]),
    (Function::One(f64::ln_1p), 18, [18754, 97391, 130_443, 455_422, 1_059_616, 1_241_248]),
    (Function::One(f64::tanh), 19, [11368, 58088, 70842, 83529, 101_404, 280_689]),
    (Function::One(f64::sinh), 19, [19506, 150_808, 192_334, 502_644, 908_766, 1_521_675]),
    (Function::One(f64::atan), 18, [3567, 45891, 116_263, 391_718, 975_006, 1_508_494]),
    (Function::One(f64::asin), 22, [41688, 508_679, 704_954, 928_606, 1_262_581, 1_640_561]),
    (Function::Power, 16, [706, 328_879, 684_604, 1_015_191, 1_348_292, 1_645_796]),
];

#[derive(Clone, Copy)]
enum Function {
    One(fn(f64) -> f64),
    /// To the power 1.7.
    Power,
}

/// The names of those that were measured: glibc 2.36 on x86-64 and, emulated, on 64-bit ARM; on x86-64 with the tunable
/// `hwcaps=-FMA`; musl 1.2.3 on x86-64.
const NAMES: [(&str, &str); 3] = [("eaf47106", "glibc-fma"), ("0cd7156e", "glibc-no-fma"), ("1d19e135", "musl")];

/// The longest text that is kept.
const LONGEST: usize = 100;

/// How a process computes elementary functions: two that [agree](Self::agrees_with) can be expected to find the same bits.
///
/// It is a short text: the name of the library where it is known and a hash of what `sin`, `cos`,
/// `tan`, `exp`, `expm1`, `log`, `log1p`, `tanh`, `sinh`, `atan`, `asin` and `pow` return at 72
/// points where known variants differ, and of whether subnormal numbers are kept; then
/// `big-endian`, the processor's architecture if it is not x86-64 (on 64-bit ARM these twelve have
/// the same bits, but `cbrt` and `tgamma` others), `debug` or `release`, and for a worker in Python
/// the hash of numpy's functions where numpy has others.
///
/// Equal texts are no proof: a function may call others, and may be no function. See
/// [`EvaluatorExt::verify`](crate::EvaluatorExt::verify), which looks at the integrand itself.
///
/// # Cost
///
/// Some microseconds. It is measured anew each time: subnormal numbers are a matter of the thread.
///
/// # Examples
///
/// ```
/// use coquad::Arithmetic;
///
/// let here = Arithmetic::here();
/// println!("{here}"); // glibc-fma:eaf47106 release
/// assert!(here.agrees_with(&Arithmetic::here()));
/// assert!(!here.agrees_with(&"glibc-2.36:00000000 release".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arithmetic(Arc<str>);

impl Arithmetic {
    /// Measures that of this process, on this thread.
    #[must_use]
    pub fn here() -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut take = |value: f64| {
            for byte in value.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for (function, scale, points) in POINTS {
            for k in points {
                // Exact. Where the compiler knew the argument it would compute the value itself.
                let x = black_box(f64::from(k) / f64::from(1 << scale));
                take(match function {
                    Function::One(f) => f(x),
                    Function::Power => x.powf(black_box(1.7)),
                });
            }
        }
        // Whether subnormals are kept, as results and as arguments.
        take(black_box(f64::MIN_POSITIVE) / black_box(4.0));
        take(black_box(f64::from_bits(1)) * black_box(3.0));
        let hashed = format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff);
        let name = NAMES.iter().find(|(known, _)| *known == hashed).map_or("unknown", |(_, name)| name);
        let order = if cfg!(target_endian = "big") { " big-endian" } else { "" };
        // Twelve functions may agree and others not: those of 64-bit ARM do (`cbrt`, `tgamma`).
        let machine = if cfg!(target_arch = "x86_64") { String::new() } else { format!(" {}", std::env::consts::ARCH) };
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self(format!("{name}:{hashed}{order}{machine} {profile}").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash alone, eight hexadecimal digits: fit to be part of a function's name, so that one kind of machine serves
    /// it.
    ///
    /// ```
    /// let name = format!("gap-v3-{}", coquad::Arithmetic::here().kind());
    /// assert_eq!(name.len(), "gap-v3-".len() + 8);
    /// ```
    #[must_use]
    pub fn kind(&self) -> &str {
        let first = self.0.split(' ').next().unwrap_or_default();
        first.rsplit(':').next().unwrap_or_default()
    }

    /// Whether the two can be expected to find the same bits. What only one of them tells, `debug` or `release`, does not
    /// count, nor does the name.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        // As each answer on NATS asks.
        if self == other {
            return true;
        }
        let is_profile = |word: &str| matches!(word, "debug" | "release");
        let profile = |text: &Self| text.0.split(' ').find(|word| is_profile(word)).map(str::to_owned);
        let words = |text: &Self| -> Vec<String> {
            text.0.split(' ').skip(1).filter(|word| !is_profile(word)).map(str::to_owned).collect()
        };
        let same_profile = profile(self).zip(profile(other)).is_none_or(|(one, other)| one == other);
        self.kind() == other.kind() && words(self) == words(other) && same_profile
    }
}

/// A text that [`as_str`](Arithmetic::as_str) gave, or a worker. Control characters are escaped, and what is too long is
/// cut.
impl From<&str> for Arithmetic {
    fn from(text: &str) -> Self {
        let is_clean = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'"' | b'\\');
        if text.len() <= LONGEST && text.bytes().all(is_clean) {
            return Self(text.into());
        }
        let clean: String = text.chars().flat_map(char::escape_default).take(LONGEST).collect();
        Self(clean.into())
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to do with workers whose [`Arithmetic`] differs.
///
/// # Examples
///
/// ```
/// use coquad::{Arithmetic, Mixed};
///
/// assert_eq!(Mixed::default(), Mixed::Count);
/// // For `Processes::mixed`: bits that this program would find too, and any other that asks for the same.
/// let as_here = Mixed::Only(Arithmetic::here());
/// assert_ne!(as_here, Mixed::Refuse);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mixed {
    /// Uses them all, and counts those that differ from the first.
    #[default]
    Count,
    /// Fails as soon as one differs from the first, with an error that names both.
    Refuse,
    /// Uses those that agree with this one, and no others.
    Only(Arithmetic),
}

impl Mixed {
    /// Returns what all are to agree with and the first of these kinds that does not, if there is
    /// one: what an evaluator that meets workers tells of them
    /// ([`Evaluator::mixture`](crate::Evaluator::mixture)).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Arithmetic, Mixed};
    ///
    /// let kinds: [Arithmetic; 3] = ["glibc:1234abcd".into(), "glibc:1234abcd release".into(), "musl:1d19e135".into()];
    /// let differ = Some((kinds[0].clone(), kinds[2].clone()));
    /// assert_eq!(Mixed::Count.mixture(&kinds), differ);
    /// assert_eq!(Mixed::Count.mixture(&kinds[..2]), None);
    /// assert_eq!(Mixed::Only(kinds[2].clone()).mixture(&kinds).unwrap().1, kinds[0]);
    /// ```
    #[must_use]
    pub fn mixture(&self, kinds: &[Arithmetic]) -> Option<(Arithmetic, Arithmetic)> {
        let expected = match self {
            Mixed::Only(expected) => expected,
            Mixed::Count | Mixed::Refuse => kinds.first()?,
        };
        let found = kinds.iter().find(|kind| *kind != expected && !expected.agrees_with(kind))?;
        Some((expected.clone(), found.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_processes_agree_always() {
        let first = Arithmetic::here();
        for _ in 0..1000 {
            assert_eq!(Arithmetic::here(), first);
            assert!(Arithmetic::here().agrees_with(&first));
        }
        assert_eq!((first.kind().len(), Arithmetic::from(first.as_str())), (8, first));
    }

    #[test]
    fn what_differs_is_told_and_what_is_not_known_is_not() {
        let agree = |one: &str, other: &str| {
            let (one, other) = (Arithmetic::from(one), Arithmetic::from(other));
            assert_eq!(one.agrees_with(&other), other.agrees_with(&one));
            one.agrees_with(&other)
        };
        assert!(agree("glibc:1234abcd release", "glibc:1234abcd release"));
        assert!(agree("glibc:1234abcd release", "unknown:1234abcd"));
        assert!(!agree("glibc:1234abcd release", "glibc:1234abcd debug"));
        assert!(!agree("glibc:1234abcd release", "glibc:1234abce release"));
        assert!(!agree("glibc:1234abcd release", "glibc:1234abcd numpy:00000000"));
        assert!(!agree("glibc:1234abcd numpy:00000001", "glibc:1234abcd numpy:00000000"));
        assert!(!agree("glibc:1234abcd big-endian release", "glibc:1234abcd release"));
        assert!(!agree("glibc:1234abcd aarch64 release", "glibc:1234abcd release"));
        assert!(agree("glibc:1234abcd aarch64 release", "glibc:1234abcd aarch64"));
        for text in ["", " ", ":", "\u{1b}[31m", &"long ".repeat(1000)] {
            let strange = Arithmetic::from(text);
            assert!(strange.as_str().len() <= LONGEST && !strange.as_str().contains('\u{1b}'), "{strange}");
            assert!(strange.agrees_with(&strange) && !strange.agrees_with(&Arithmetic::here()));
        }
    }
}
