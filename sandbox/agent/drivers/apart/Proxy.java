import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** What an object does that stands for one of the other side by its interfaces. */
final class PlumbProxy implements InvocationHandler {
    private final PlumbPeer peer;
    final int number;

    PlumbProxy(PlumbPeer peer, int number) {
        this.peer = peer;
        this.number = number;
    }

    /** The proxy behind an object; null: there is none. */
    static PlumbProxy behind(Object value) {
        if (value instanceof PlumbForeign foreign) {
            return foreign.proxy;
        }
        boolean isProxy = value != null && Proxy.isProxyClass(value.getClass());
        return isProxy && Proxy.getInvocationHandler(value) instanceof PlumbProxy found ? found : null;
    }

    @Override
    public Object invoke(Object self, Method method, Object[] arguments) throws Throwable {
        if (method.getDeclaringClass() == Object.class) {
            return switch (method.getName()) {
                case "equals" -> same(self, arguments[0]);
                case "hashCode" -> hash();
                default -> text();
            };
        }
        Object[] given = arguments == null ? new Object[0] : arguments;
        String owner = method.getDeclaringClass().getName();
        Object out = peer.call('M', owner, method.getName(), PlumbMethods.parameters(method), self, given);
        if (out == PlumbPeer.DEFAULT) {
            return InvocationHandler.invokeDefault(self, method, arguments);
        }
        return out;
    }

    /**
     * Whether a stand-in is equal to something: on the program's side as the test's object says; the
     * program's objects are equal to themselves alone.
     */
    boolean same(Object self, Object other) {
        if (!peer.isTest() && other != self) {
            return other != null && (Boolean) peer.ask('E', new PlumbRef(number), other);
        }
        PlumbProxy theirs = behind(other);
        return other == self || (theirs != null && theirs.number == number);
    }

    int hash() {
        return peer.isTest() ? number : (Integer) peer.ask('H', new PlumbRef(number));
    }

    String text() {
        return (String) peer.ask('T', new PlumbRef(number));
    }
}
