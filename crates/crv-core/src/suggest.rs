//! Suggests the word that was probably meant, for "unknown key" errors.

/// Returns the candidate nearest to `word`, if one is near enough.
///
/// Case, hyphens and blanks are ignored; beyond that, about one typo in three letters is accepted.
///
/// ```
/// use crv_core::suggest::nearest;
///
/// assert_eq!(nearest("Tick-Bucket-Size", ["tick_bucket_size"]), Some("tick_bucket_size"));
/// assert_eq!(nearest("compresion", ["compression", "currency"]), Some("compression"));
/// assert_eq!(nearest("weather", ["compression", "currency"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    // A longer text cannot be near a setting's name.
    if word.len() > 64 {
        return None;
    }
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
