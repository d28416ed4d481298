//! Words of log lines that more than one actor says. Pure.

/// `1 link`, `2 links`.
pub(crate) fn counted(number: u32, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_is_plural() {
        let links = [0, 1, 2].map(|number| counted(number, "link"));
        assert_eq!(links, ["0 links", "1 link", "2 links"]);
    }
}
