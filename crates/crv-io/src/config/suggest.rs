//! The word that was probably meant: what turns "unknown key" into something to act on.

/// The candidate that `word` is most likely a slip of, if one is near enough.
///
/// Case, hyphens and blanks are forgiven altogether; beyond that about one slip in three letters.
///
/// ```
/// use crv_io::config::nearest;
///
/// assert_eq!(nearest("Tick-Bucket-Size", ["tick_bucket_size"]), Some("tick_bucket_size"));
/// assert_eq!(nearest("compresion", ["compression", "currency"]), Some("compression"));
/// assert_eq!(nearest("weather", ["compression", "currency"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    // A file or a variable may hold a page by mistake; nothing near a setting's name is that long.
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
