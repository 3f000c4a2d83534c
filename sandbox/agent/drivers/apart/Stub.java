/** An object of the test's side that stands for one of the program's. */
interface PlumbStub {
    PlumbRef plumb$ref();
}

/** The number of an object that the other side has. */
final class PlumbRef {
    final int number;

    PlumbRef(int number) {
        this.number = number;
    }
}

/** An object of the other side of which nothing is known but what every object can do. */
final class PlumbForeign {
    final PlumbProxy proxy;

    PlumbForeign(PlumbProxy proxy) {
        this.proxy = proxy;
    }

    @Override
    public boolean equals(Object other) {
        return proxy.same(this, other);
    }

    @Override
    public int hashCode() {
        return proxy.hash();
    }

    @Override
    public String toString() {
        return proxy.text();
    }
}
