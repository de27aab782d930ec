//! Colours: Okabe & Ito (2008), told apart by all common kinds of colour vision, on two backgrounds.
//!
//! No meaning rests on colour alone: what is outside has dots, the incident a bar above it, a gap is hatched, a change has `▲`.

/// Which background a picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Light on dark: what chats get.
    Dark,
    /// Dark on light.
    Light,
}

/// Red, green, blue, opacity.
pub(super) type Colour = [u8; 4];

/// The colours of one theme.
pub(super) struct Colours {
    /// Behind everything; opaque.
    pub background: Colour,
    /// Words that matter.
    pub ink: Colour,
    /// Words and lines that do not.
    pub dim: Colour,
    /// Lines across the picture.
    pub grid: Colour,
    /// Where nothing is known.
    pub hatch: Colour,
    /// The series inside its band: sky blue or blue.
    pub line: Colour,
    /// The expected band and its legend.
    pub band: Colour,
    /// What was expected.
    pub expected: Colour,
    /// The series outside its band: vermilion, a little lighter on dark.
    pub outside: Colour,
    /// While the problem lasted: orange.
    pub incident: Colour,
    /// Changes: reddish purple.
    pub mark: Colour,
}

impl Theme {
    pub(super) const fn colours(self) -> Colours {
        match self {
            Self::Dark => Colours {
                background: [0x17, 0x1a, 0x21, 0xff],
                ink: [0xf2, 0xf4, 0xf7, 0xff],
                dim: [0xa9, 0xb1, 0xbd, 0xff],
                grid: [0x33, 0x39, 0x44, 0xff],
                hatch: [0xa9, 0xb1, 0xbd, 0x50],
                line: [0x56, 0xb4, 0xe9, 0xff],
                band: [0x56, 0xb4, 0xe9, 0x3a],
                expected: [0x56, 0xb4, 0xe9, 0x90],
                outside: [0xf2, 0x7a, 0x2c, 0xff],
                incident: [0xe6, 0x9f, 0x00, 0x2c],
                mark: [0xdb, 0x92, 0xb9, 0xff],
            },
            Self::Light => Colours {
                background: [0xff, 0xff, 0xff, 0xff],
                ink: [0x14, 0x18, 0x1f, 0xff],
                dim: [0x58, 0x60, 0x6c, 0xff],
                grid: [0xdd, 0xe1, 0xe7, 0xff],
                hatch: [0x58, 0x60, 0x6c, 0x50],
                line: [0x00, 0x72, 0xb2, 0xff],
                band: [0x00, 0x72, 0xb2, 0x2e],
                expected: [0x00, 0x72, 0xb2, 0x80],
                outside: [0xd5, 0x5e, 0x00, 0xff],
                incident: [0xe6, 0x9f, 0x00, 0x30],
                mark: [0xa8, 0x4b, 0x84, 0xff],
            },
        }
    }
}
