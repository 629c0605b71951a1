//! A rule as its number of points, for the feature `serde`: what is read is one of the rules there are, or an error.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GaussKronrod;

impl Serialize for GaussKronrod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.width() as u64)
    }
}

impl<'de> Deserialize<'de> for GaussKronrod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = u64::deserialize(deserializer)?;
        let rule = usize::try_from(points).ok().and_then(GaussKronrod::find);
        rule.ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(points), &"15, 21, 31, 41, 51 or 61 points"))
    }
}
