/// The topics of a source: one name, or several.
pub trait Topics {
    /// Their names, in order.
    fn names(&self) -> Vec<String>;
}

impl Topics for str {
    fn names(&self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Topics for String {
    fn names(&self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<T: AsRef<str>> Topics for [T] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|topic| topic.as_ref().to_owned()).collect()
    }
}

impl<T: AsRef<str>, const N: usize> Topics for [T; N] {
    fn names(&self) -> Vec<String> {
        self.as_slice().names()
    }
}

impl<T: Topics + ?Sized> Topics for &T {
    fn names(&self) -> Vec<String> {
        (**self).names()
    }
}
