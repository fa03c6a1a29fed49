include "faulty";
