package jumun.peer.json;

/** Whether bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
final class Utf8 {
    private Utf8() {
    }

    static boolean isValid(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to) {
            int first = bytes[at++];
            if (first >= 0) {
                continue;
            }
            first &= 0xff;
            int more;
            int low = 0x80;
            int high = 0xbf;
            if (first >= 0xc2 && first <= 0xdf) {
                more = 1;
            } else if (first >= 0xe0 && first <= 0xef) {
                more = 2;
                low = first == 0xe0 ? 0xa0 : 0x80;
                high = first == 0xed ? 0x9f : 0xbf;
            } else if (first >= 0xf0 && first <= 0xf4) {
                more = 3;
                low = first == 0xf0 ? 0x90 : 0x80;
                high = first == 0xf4 ? 0x8f : 0xbf;
            } else {
                return false;
            }
            for (; more > 0; more--) {
                if (at >= to) {
                    return false;
                }
                int next = bytes[at++] & 0xff;
                if (next < low || next > high) {
                    return false;
                }
                low = 0x80;
                high = 0xbf;
            }
        }
        return true;
    }
}
