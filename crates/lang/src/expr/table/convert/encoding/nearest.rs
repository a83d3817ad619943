//! What ISO 8859-1 writes for characters that it lacks: the nearest of its own.
//!
//! Called by `Encoding`. Source: the best-fit table of .NET's `Latin1Encoding`, measured character by character; what is
//! not there becomes a question mark.

/// The first character of a row, and what it and those behind it become.
const ROWS: [(u16, &str); 13] = [
    (
        0x0100,
        "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKk?LlLlLl??LlNnNnNn???OoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZz?b????????D???????Ff????I??l????OOo",
    ),
    (0x01ab, "t??TUu?????z"),
    (0x01cd, "AaIiOoUuUuUuUuUu?Aa????GgGgKkOoOo??j"),
    (0x0261, "g"),
    (0x02b9, "'\"?'???????^?^?'??`?_"),
    (0x02dc, "~"),
    (0x0300, "`?^~"),
    (0x030e, "\""),
    (0x0331, "__"),
    (0x2000, "       "),
    (0x2010, "--?--???'',?\"\"\"???.???."),
    (0x2032, "'??`???<>"),
    (0x2122, "T"),
];

/// The letters of double width.
const WIDE: std::ops::RangeInclusive<u16> = 0xff01..=0xff5e;

/// The byte of a UTF-16 unit above 0xff.
pub(super) fn byte(unit: u16) -> u8 {
    if WIDE.contains(&unit) {
        // They stand in the order of ASCII.
        return u8::try_from(unit - 0xff01 + 0x21).unwrap_or(b'?');
    }
    ROWS.iter()
        .filter_map(|(first, row)| row.as_bytes().get(usize::from(unit.checked_sub(*first)?)))
        .next()
        .copied()
        .unwrap_or(b'?')
}
