package jumun.peer.order;

import java.util.ArrayList;
import java.util.List;

import jumun.peer.Facts;
import jumun.peer.domain.Event.Defect;
import jumun.peer.domain.Judge.Outcome;
import jumun.peer.domain.Judge.Rejection;

/**
 * Records by what became of them: {@code OUTCOME} or {@code OUTCOME/REASON}. A parked one counts again when it is
 * settled, and then as {@code released} too.
 */
final class Outcomes {
    private static final int REJECTIONS = Outcome.values().length;
    private static final int DEFECTS = REJECTIONS + Rejection.values().length;
    private static final int CONSUMED = DEFECTS + Defect.values().length;
    private static final int RELEASED = CONSUMED + 1;

    private final Facts.Counts counts = Facts.counts(names());

    void consumed() {
        counts.add(CONSUMED);
    }

    void released() {
        counts.add(RELEASED);
    }

    void count(Outcome outcome, Rejection rejection) {
        if (outcome == Outcome.DLT) {
            deadLetter(Defect.UNKNOWN_ACTION);
        } else {
            counts.add(rejection == null ? outcome.ordinal() : REJECTIONS + rejection.ordinal());
        }
    }

    void deadLetter(Defect defect) {
        counts.add(DEFECTS + defect.ordinal());
    }

    private static String[] names() {
        List<String> names = new ArrayList<>();
        for (Outcome outcome : Outcome.values()) {
            names.add(outcome.name());
        }
        for (Rejection rejection : Rejection.values()) {
            names.add("REJECTED/" + rejection.name());
        }
        for (Defect defect : Defect.values()) {
            names.add("DLT/" + defect.name());
        }
        names.add("consumed");
        names.add("released");
        return names.toArray(new String[0]);
    }
}
