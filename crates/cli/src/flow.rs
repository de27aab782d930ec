//! Text that arrives in pieces, broken between words.

use crate::wrap::width_of;

/// Breaks a text at a width as it arrives. The word that is not complete yet is held back.
#[derive(Debug, Default)]
pub struct Flow {
    width: usize,
    /// Columns used in the row.
    column: usize,
    /// Columns that rows after the first are set in by.
    hang: usize,
    /// Nothing but spaces is in the line yet.
    fresh: bool,
    spaces: usize,
    word: String,
}

impl Flow {
    /// A flow of rows of at most `width` columns; 0 breaks nothing.
    pub fn new(width: usize) -> Self {
        Self { width, fresh: true, ..Self::default() }
    }

    /// Takes the next piece; what can be shown of it and of what was held back.
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::new();
        for letter in piece.chars() {
            match letter {
                '\n' => {
                    self.place(&mut out);
                    out.push('\n');
                    *self = Self::new(self.width);
                }
                ' ' => {
                    self.place(&mut out);
                    self.spaces += 1;
                }
                letter => self.word.push(letter),
            }
        }
        out
    }

    /// What was held back.
    pub fn end(&mut self) -> String {
        let mut out = String::new();
        self.place(&mut out);
        out
    }

    /// All of `text`.
    pub fn whole(text: &str, width: usize) -> String {
        let mut flow = Self::new(width);
        flow.push(text) + &flow.end()
    }

    /// Puts the word where it fits.
    fn place(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let (spaces, word) = (std::mem::take(&mut self.spaces), std::mem::take(&mut self.word));
        let columns = width_of(&word);
        if self.fresh {
            let is_bullet = matches!(word.as_str(), "-" | "*" | "·" | "•");
            self.hang = (spaces + if is_bullet { columns + 1 } else { 0 }).min(self.width / 2);
        }
        if self.width > 0 && !self.fresh && self.column + spaces + columns > self.width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', self.hang));
            self.column = self.hang;
        } else {
            out.extend(std::iter::repeat_n(' ', spaces));
            self.column += spaces;
        }
        out.push_str(&word);
        self.column += columns;
        self.fresh = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_break_between_words_and_bullets_hang() {
        let text = "Sign-ups fell at 14:10.\n\n- #482 touched the form, merged 14:04\n  and 旗旗旗旗旗旗旗 too";
        insta::assert_snapshot!(Flow::whole(text, 24), @r"
        Sign-ups fell at 14:10.

        - #482 touched the form,
          merged 14:04
          and 旗旗旗旗旗旗旗 too
        ");
    }

    proptest! {
        #[test]
        fn pieces_and_the_whole_are_broken_alike_and_nothing_is_lost(
            pieces in prop::collection::vec("[a-z旗 \n*-]{0,9}", 0..20), width in 0usize..40,
        ) {
            let text = pieces.concat();
            let mut flow = Flow::new(width);
            let shown = pieces.iter().map(|piece| flow.push(piece)).collect::<String>() + &flow.end();
            prop_assert_eq!(&shown, &Flow::whole(&text, width));
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&shown), words(&text));
            let two_words = |row: &&str| row.split_whitespace().count() > 1;
            prop_assert!(width == 0 || shown.lines().filter(two_words).all(|row| width_of(row) <= width), "{shown:?}");
        }
    }
}
