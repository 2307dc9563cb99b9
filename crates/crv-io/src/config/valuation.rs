//! The settings of the valuation of holdings.

use serde::Serialize;

use super::error::{ConfigError, Origin};
use super::fields::{VALUATION_FIELDS, assign};
use super::kinds::{CostMethod, PriceSource};
use super::value::SettingValue;

/// The key of these settings in the others.
pub(super) const VALUATION_KEY: &str = "valuation";

/// How holdings are valued, if they are.
///
/// Always valid, as [`IoSettings`](super::IoSettings) is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ValuationSettings {
    pub(super) enabled: bool,
    pub(super) cost_method: CostMethod,
    pub(super) price_source: PriceSource,
    pub(super) vwap_window_ticks: u64,
    pub(super) currency: String,
}

impl Default for ValuationSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            cost_method: CostMethod::Wac,
            price_source: PriceSource::LastTrade,
            vwap_window_ticks: 10,
            currency: "native".to_owned(),
        }
    }
}

impl ValuationSettings {
    /// Returns the defaults with these settings changed.
    pub fn from_pairs<K: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, SettingValue)>,
    ) -> Result<Self, ConfigError> {
        pairs.into_iter().try_fold(Self::default(), |settings, (key, value)| settings.with(key, value))
    }

    /// Returns these settings with one changed, by name.
    pub fn with(mut self, key: impl AsRef<str>, value: impl Into<SettingValue>) -> Result<Self, ConfigError> {
        assign(&mut self, VALUATION_FIELDS, key.as_ref(), &value.into())
            .map_err(|refusal| ConfigError::refused(&Origin::Argument, refusal.inside(VALUATION_KEY)))?;
        Ok(self)
    }

    /// Whether holdings are valued.
    pub const fn enabled(&self) -> bool {
        self.enabled
    }

    /// How the cost of a holding is calculated.
    pub const fn cost_method(&self) -> CostMethod {
        self.cost_method
    }

    /// The source of the marking price.
    pub const fn price_source(&self) -> PriceSource {
        self.price_source
    }

    /// The window of [`PriceSource::VwapWindow`], in ticks; at least 1.
    pub const fn vwap_window_ticks(&self) -> u64 {
        self.vwap_window_ticks
    }

    /// The currency of every value; never empty.
    pub fn currency(&self) -> &str {
        &self.currency
    }
}
