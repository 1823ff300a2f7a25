//! Where things are drawn: one lane per sub-topology, one below the other; in a lane layers from left to right by the
//! longest way of a record, and the order within a layer by the middle of the neighbours.
//!
//! After Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981), without its
//! dummy nodes: topologies are small, and long edges may pass behind boxes.

use super::{Kind, Picture};

pub(super) const BOX_HEIGHT: f64 = 44.0;
const ROW: f64 = 62.0;
const COLUMN_GAP: f64 = 56.0;
const MARGIN: f64 = 12.0;
const FRAME_PADDING: f64 = 20.0;
const FRAME_TITLE: f64 = 24.0;
pub(super) const LANE_GAP: f64 = 36.0;
/// Sweeps over the layers; few suffice for tens of nodes.
const SWEEPS: usize = 6;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    #[cfg(test)]
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// The smallest rectangle around both.
    fn around(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self {
            x,
            y,
            width: right - x,
            height: bottom - y,
        }
    }
}

/// Places of a picture's items and groups.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// By item.
    pub(super) boxes: Vec<Rect>,
    /// By group.
    pub(super) frames: Vec<Rect>,
}

impl Layout {
    pub(super) fn of(picture: &Picture) -> Self {
        let layers = layers(picture);
        let cells = ordered(picture, cells(picture, &layers));
        let mut layout = Self {
            boxes: vec![Rect::default(); picture.items.len()],
            ..Self::default()
        };
        layout.place(picture, &cells);
        layout.frame(picture);
        layout
    }

    fn place(&mut self, picture: &Picture, cells: &[Vec<Vec<usize>>]) {
        let is_failure = |item: &&usize| picture.failures.iter().any(|(_, topic)| topic == *item);
        let mut top = MARGIN + FRAME_TITLE;
        for lane in cells {
            let normal =
                |column: &Vec<usize>| column.iter().filter(|item| !is_failure(item)).count();
            let mut rows = lane.iter().map(normal).max().unwrap_or(0) as f64;
            let first = top + FRAME_PADDING;
            for column in lane {
                // Short columns stand in the middle of their lane.
                let mut y = first + (rows - normal(column) as f64) * ROW / 2.0;
                for item in column.iter().filter(|item| !is_failure(item)) {
                    self.set_row(*item, y);
                    y += ROW;
                }
            }
            // In a row of their own, so that the edges to them have a free way below all others.
            for item in lane.iter().flatten().filter(is_failure) {
                self.set_row(*item, first + rows * ROW);
                rows += 1.0;
            }
            top += rows * ROW + 2.0 * FRAME_PADDING + FRAME_TITLE + LANE_GAP;
        }
        self.height = top - LANE_GAP - FRAME_TITLE + MARGIN;
        let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
        let mut x = MARGIN + FRAME_PADDING;
        for column in 0..columns {
            let items = || cells.iter().filter_map(|lane| lane.get(column)).flatten();
            let widest = items().filter_map(|item| picture.items.get(*item));
            let widest = widest.map(|item| box_width(&item.name)).fold(0.0, f64::max);
            for item in items() {
                if let Some(place) = self.boxes.get_mut(*item) {
                    (place.x, place.width) = (x, widest);
                }
            }
            x += widest + COLUMN_GAP;
        }
        self.width = x - COLUMN_GAP + FRAME_PADDING + MARGIN;
    }

    fn set_row(&mut self, item: usize, y: f64) {
        if let Some(place) = self.boxes.get_mut(item) {
            (place.y, place.height) = (y, BOX_HEIGHT);
        }
    }

    fn frame(&mut self, picture: &Picture) {
        for group in 0..picture.groups.len() {
            let items = picture.items.iter().zip(&self.boxes);
            let inside = items.filter(|(item, _)| item.kind != Kind::Topic && item.group == group);
            let bounds = inside.map(|(_, place)| *place).reduce(Rect::around);
            let bounds = bounds.unwrap_or_default();
            self.frames.push(Rect {
                x: bounds.x - FRAME_PADDING,
                y: bounds.y - FRAME_PADDING - FRAME_TITLE + 4.0,
                width: bounds.width + 2.0 * FRAME_PADDING,
                height: bounds.height + 2.0 * FRAME_PADDING + FRAME_TITLE - 4.0,
            });
        }
    }
}

/// Width of a box with a name in a monospaced font of 13 px.
fn box_width(name: &str) -> f64 {
    let width = name.chars().map(|c| if c.is_ascii() { 7.9 } else { 13.5 });
    (width.sum::<f64>() + 28.0).max(96.0)
}

/// The layer of each item: one more than that of what comes before it.
fn layers(picture: &Picture) -> Vec<usize> {
    let mut layers = vec![0_usize; picture.items.len()];
    let edges = || picture.edges(true).chain(picture.failures.iter().copied());
    // As many rounds as there are items suffice, and end a circle through topics.
    for _ in 0..picture.items.len() {
        for (from, to) in edges() {
            let after = match picture.items.get(to).map(|item| item.kind) {
                // Outside the frame of the group that writes it.
                Some(Kind::Topic) => last_of_group(picture, &layers, from) + 1,
                _ => layers.get(from).map_or(0, |layer| layer + 1),
            };
            if let Some(layer) = layers.get_mut(to) {
                *layer = (*layer).max(after).min(picture.items.len());
            }
        }
    }
    // What nothing comes before stands next to what it leads to.
    for (index, _) in picture.items.iter().enumerate() {
        let has_before = edges().any(|(_, to)| to == index);
        let after = edges().filter(|(from, _)| *from == index);
        let nearest = after.filter_map(|(_, to)| layers.get(to).copied()).min();
        if let (false, Some(nearest), Some(layer)) = (has_before, nearest, layers.get_mut(index)) {
            *layer = nearest.saturating_sub(1);
        }
    }
    for (processor, store) in &picture.links {
        let layer = layers.get(*processor).copied().unwrap_or(0);
        if let Some(of_store) = layers.get_mut(*store) {
            *of_store = (*of_store).max(layer);
        }
    }
    layers
}

/// The last layer that the group of an item takes up.
fn last_of_group(picture: &Picture, layers: &[usize], item: usize) -> usize {
    let group = picture.items.get(item).map(|item| item.group);
    let items = picture.items.iter().zip(layers);
    let inside = items.filter(|(one, _)| one.kind != Kind::Topic && Some(one.group) == group);
    inside.map(|(_, layer)| *layer).max().unwrap_or(0)
}

/// Items by lane and layer.
fn cells(picture: &Picture, layers: &[usize]) -> Vec<Vec<Vec<usize>>> {
    let columns = layers.iter().max().map_or(0, |last| last + 1);
    let mut cells = vec![vec![Vec::new(); columns]; picture.groups.len()];
    for (index, (item, layer)) in picture.items.iter().zip(layers).enumerate() {
        let lane = cells.get_mut(item.group);
        if let Some(cell) = lane.and_then(|lane| lane.get_mut(*layer)) {
            cell.push(index);
        }
    }
    cells
}

/// Orders each layer by the middle of the neighbours on one side, then on the other, several times.
fn ordered(picture: &Picture, mut cells: Vec<Vec<Vec<usize>>>) -> Vec<Vec<Vec<usize>>> {
    for sweep in 0..SWEEPS {
        let rows = rows(picture, &cells);
        for cell in cells.iter_mut().flatten() {
            cell.sort_by(|one, other| {
                let middle = |item: &usize| middle(picture, &rows, *item, sweep % 2 == 0);
                middle(one).total_cmp(&middle(other))
            });
        }
    }
    cells
}

/// The row of each item, in the middle of its column.
fn rows(picture: &Picture, cells: &[Vec<Vec<usize>>]) -> Vec<f64> {
    let mut rows = vec![0.0; picture.items.len()];
    for column in cells.iter().flatten() {
        for (row, item) in column.iter().enumerate() {
            if let Some(place) = rows.get_mut(*item) {
                *place = row as f64 - (column.len() - 1) as f64 / 2.0;
            }
        }
    }
    rows
}

fn middle(picture: &Picture, rows: &[f64], item: usize, from_left: bool) -> f64 {
    let own = rows.get(item).copied().unwrap_or(0.0);
    // What leads to a lane below stands lowest.
    if picture.edges(false).any(|(from, _)| from == item) {
        return f64::MAX;
    }
    // A store stands right below its processor.
    if let Some((processor, _)) = picture.links.iter().find(|(_, store)| *store == item) {
        return rows.get(*processor).map_or(own, |row| row + 0.5);
    }
    let neighbours = picture
        .edges(true)
        .filter_map(|(from, to)| match from_left {
            true => (to == item).then_some(from),
            false => (from == item).then_some(to),
        });
    let rows: Vec<f64> = neighbours
        .filter_map(|one| rows.get(one).copied())
        .collect();
    if rows.is_empty() {
        own
    } else {
        rows.iter().sum::<f64>() / rows.len() as f64
    }
}
